from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.policies.gaussian_actor import GaussianActor
from potstill.policies.gaussian_sampler import GaussianSampler


@pytest.fixture
def actor() -> GaussianActor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GaussianActor(39, 4, hidden=(32, 16), log_std_min=-5.0)


def _drawn(actor: GaussianActor, observation: np.ndarray, noise: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return actor.sample(torch.from_numpy(observation), torch.from_numpy(noise))[0].numpy()


def test_actions_are_those_of_the_actor(actor: GaussianActor) -> None:
    rng = np.random.default_rng(0)
    observation, noise = rng.standard_normal((64, 39), np.float32), rng.standard_normal((64, 4), np.float32)
    actions = GaussianSampler(actor).sample(observation, noise)

    assert actions.dtype == np.float32 and actions.shape == (64, 4)
    assert np.allclose(actions, _drawn(actor, observation, noise), atol=1e-6)
    assert actions.std() > 0.2


def test_states_stay_as_they_are_and_new_weights_are_followed(actor: GaussianActor) -> None:
    sampler = GaussianSampler(actor)
    observation, noise = np.ones((2, 39), np.float32), np.ones((2, 4), np.float32)
    before = sampler.sample(observation, noise)
    actor.load_state_dict({name: -value for name, value in actor.state_dict().items()})

    after = sampler.sample(observation, noise)
    assert not np.allclose(before, after)
    assert np.allclose(after, _drawn(actor, observation, noise), atol=1e-6)
    assert (observation == 1.0).all() and (noise == 1.0).all()
