"""Fixtures of the policies room."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.experience.context_window import ContextWindows
from potstill.policies.collective_export import CollectiveExport
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.expert_checkpoint import save_expert
from potstill.policies.expert_export import ExpertExport
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import read_expert_file
from potstill.policies.export_module import ExportModule
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_export import PixelExport
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.sac_networks import SacNetworks
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig
from potstill.policies.window_tensors import WindowTensors


@pytest.fixture
def make_policy():
    """A factory of small seeded policies."""

    def make(*, size: int = 32, cameras: int = 2, seed: int = 0, **choices) -> PixelPolicy:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = PixelPolicyConfig(**({"channels": 8, "features": 16, "hidden": (32,)} | choices))
            shape = ObservationShape(cameras=cameras, height=size, width=size, proprio=4, actions=3)
            return PixelPolicy(config, shape)

    return make


@pytest.fixture
def make_networks():
    """A factory of seeded SAC networks."""

    def make(*, seed: int = 0, **choices) -> SacNetworks:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            settings = {"hidden": (32, 16), "layer_norm": True, "log_std_min": -5.0, "initial_alpha": 0.1}
            return SacNetworks(39, 4, **(settings | choices))

    return make


@pytest.fixture
def make_facts():
    """A factory of facts that fit ``make_networks``."""

    def make(**changes) -> ExpertFacts:
        facts = dict(
            task="reach-v3", robot="sawyer", model_hash="a" * 64, seed=3, env_steps=1000, decisions=500,
            success_rate=0.96, eval_episodes=50, kind="final", trained_with="c" * 8, hidden=(32, 16),
        )  # fmt: skip
        return ExpertFacts(**(facts | changes))

    return make


@pytest.fixture
def make_collective():
    """A factory of small seeded collective policies over states of 5 and actions of 3 numbers."""

    def make(
        context="code", *, seed=0, tasks=("push-v3", "reach-v3"), window=6, **choices
    ) -> CollectivePolicy:
        sizes = {"state_size": 5, "action_size": 3}
        settings = {"window": window, "width": 16, "layers": 2, "heads": 2, "feedforward": 32, "code_size": 4}
        config = CollectivePolicyConfig(context=context, **({"hidden": (32, 16)} | choices))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            transformer = None
            if config.reads_history:
                transformer = TrajectoryTransformer(TrajectoryTransformerConfig(**settings), **sizes)
            return CollectivePolicy(config, transformer=transformer, tasks=tasks, code_size=4, **sizes)

    return make


@pytest.fixture
def make_context_windows():
    """A factory of random windows with beginnings of all lengths, for ``make_collective``."""

    def make(count, length=6, *, seed=0) -> ContextWindows:
        rng = np.random.default_rng(seed)
        valid = np.arange(length) >= rng.integers(0, length, (count, 1))
        states = rng.normal(size=(count, length, 5)) * valid[..., None]
        actions = rng.uniform(-1, 1, (count, length - 1, 3)) * valid[:, :-1, None]
        rewards = rng.uniform(0, 10, (count, length - 1)) * valid[:, :-1]
        return ContextWindows(*(array.astype(np.float32) for array in (states, actions, rewards)), valid)

    return make


@pytest.fixture
def make_export(make_policy, make_collective, make_networks, make_facts, tmp_path):
    """A factory of every kind of network ready to leave, with normalisers that are not the identity."""

    def make(kind) -> ExportModule:
        if kind in ("student", "eyeless"):
            choices = {"encoder": "none"} if kind == "eyeless" else {"frame_stack": 2, "head": "gaussian"}
            student = make_policy(**choices)
            student.set_normaliser(torch.arange(4.0), torch.full((4,), 3.0))
            return PixelExport(student)
        if kind == "expert":
            save_expert(tmp_path / "expert", make_networks(), make_facts())
            return ExpertExport(read_expert_file(tmp_path / "expert")[0])
        policy = make_collective(kind)
        policy.set_state_normaliser(torch.arange(5.0), torch.full((5,), 2.0))
        return CollectiveExport(policy)

    return make


@pytest.fixture
def make_transformer():
    """A factory of small seeded transformers over 4 state numbers and 2 actions; evaluating."""

    def make(*, seed: int = 0, **choices) -> TrajectoryTransformer:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            settings = {"window": 5, "width": 8, "layers": 2, "heads": 2, "feedforward": 16} | choices
            config = TrajectoryTransformerConfig(**settings)
            return TrajectoryTransformer(config, state_size=4, action_size=2).eval()

    return make


@pytest.fixture
def make_windows():
    """A factory of seeded windows that fit ``make_transformer``; with padding, of every possible length."""

    def make(count: int, length: int, *, padding: bool = False, seed: int = 0) -> WindowTensors:
        generator = torch.Generator().manual_seed(seed)
        first = torch.arange(count) % length if padding else torch.zeros(count)
        return WindowTensors(
            torch.randn(count, length, 4, generator=generator),
            torch.randn(count, length - 1, 2, generator=generator),
            torch.randn(count, length - 1, generator=generator),
            torch.arange(length)[None] >= first[:, None],
        )

    return make
