"""Experts small enough to train within a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.learners.sac.config import SacConfig

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
