"""Demonstrations are episodes that the expert itself could have sampled."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import TaskSimulation
from potstill.learners.sac.collect_demonstrations import collect_demonstrations


def collect(sac, run_seed=0):
    collected = collect_demonstrations(
        "reach-v3", robot="sawyer", dynamics=DynamicsConfig(), sac=sac, run_seed=run_seed
    )
    return [fragment for fragment, _ in collected]


@pytest.fixture
def demonstrations(tiny_sac):
    return collect(tiny_sac(demo_episodes=2, max_steps=199, action_repeat=2, demo_sigma=0.1))


def test_an_action_is_held_for_the_whole_decision(demonstrations):
    [first, _] = demonstrations
    simulation = TaskSimulation("reach-v3")
    observation = simulation.reset(int(first.episode_seed[0, 0]))
    for step in range(100):
        assert np.array_equal(first.observation[step, 0], observation.astype(np.float32))
        total = 0.0
        for _ in range(2 if step < 99 else 1):
            observation, reward, _ = simulation.step(first.action[step, 0])
            total += reward
        assert first.reward[step, 0] == np.float32(total)
    assert np.array_equal(first.next_observation[-1, 0], observation.astype(np.float32))


def test_the_oracle_succeeds_under_its_noise_and_every_episode_has_its_seed(demonstrations):
    first, second = demonstrations
    assert first.success.any() and second.success.any()
    assert first.truncated.tolist() == [[False]] * 99 + [[True]]
    assert first.episode_seed[0, 0] != second.episode_seed[0, 0]
    assert not np.array_equal(first.action, second.action)


def test_the_run_seed_decides(tiny_sac):
    sac = tiny_sac(demo_episodes=1)
    [first], [again], [other] = collect(sac, 1), collect(sac, 1), collect(sac, 2)
    assert np.array_equal(first.action, again.action)
    assert not np.array_equal(first.observation, other.observation)
