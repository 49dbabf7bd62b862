"""Fixtures of the policies room."""

from __future__ import annotations

import pytest
import torch

from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.pixel_policy_config import PixelPolicyConfig


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
