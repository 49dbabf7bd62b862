"""Fixtures of the policies room."""

from __future__ import annotations

import pytest
import torch

from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.policies.sac_networks import SacNetworks


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
