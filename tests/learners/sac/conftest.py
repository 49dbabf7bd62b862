"""Experts small enough to train within a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import ray
import torch

from potstill.learners.sac.algorithm import SacAlgorithm
from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.learners.sac.config import SacConfig
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig

#: Two fragments make one episode.
TINY = SacConfig(
    hidden=(16, 16),
    envs=2,
    fragment=5,
    max_steps=20,
    batch_size=16,
    update_ratio=1.0,
    demo_episodes=0,
    random_decisions=0,
    replay_capacity=1_000,
)


@pytest.fixture
def tiny_sac() -> Callable[..., SacConfig]:
    """A factory of settings: tiny ones, and what is given."""
    return lambda **changes: replace(TINY, **changes)


@pytest.fixture
def tiny_expert(tiny_sac) -> Callable[..., SacAlgorithmConfig]:
    """A factory of configurations: ``seed`` and settings of ``SacConfig``."""

    def make(seed: int = 0, **changes: object) -> SacAlgorithmConfig:
        return SacAlgorithmConfig().expert(
            task="reach-v3", seed=seed, sac=tiny_sac(**changes), max_evaluation_steps=10
        )

    return make


@pytest.fixture
def shaping_teacher(tmp_path) -> Path:
    """The folder of an untrained collective policy that reads six states; it is all but deterministic."""
    sizes = {"state_size": 21, "action_size": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        small = TrajectoryTransformerConfig(window=6, width=8, layers=1, heads=2, feedforward=16, code_size=3)
        transformer = TrajectoryTransformer(small, **sizes)
        config = CollectivePolicyConfig(hidden=(16,))
        tasks = ("push-v3",)
        policy = CollectivePolicy(config, transformer=transformer, tasks=tasks, code_size=3, **sizes)
    save_collective(tmp_path / "teacher", policy)
    return tmp_path / "teacher"


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """A Ray of the module's own; RLlib would else look for a cluster, and wait for one that has gone."""
    ray.init(
        address="local", num_cpus=4, include_dashboard=False, object_store_memory=80 * 2**20,
        logging_level="ERROR", log_to_driver=False,
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.fixture
def build() -> Iterator[Callable[[SacAlgorithmConfig], SacAlgorithm]]:
    """Builds algorithms, and stops them after the test."""
    algorithms: list[SacAlgorithm] = []

    def make(config: SacAlgorithmConfig) -> SacAlgorithm:
        algorithms.append(config.build_algo())
        return algorithms[-1]

    yield make
    for algorithm in algorithms:
        algorithm.stop()
