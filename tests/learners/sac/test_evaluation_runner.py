"""Evaluation on held-out goals: the same outcomes however they are divided."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.episode_seeds import evaluation_seed
from potstill.learners.sac.evaluation_runner import EvaluationRunner


@pytest.fixture
def make_runner(tiny_expert):
    return lambda index=0, runners=0: EvaluationRunner(
        config=tiny_expert(), worker_index=index, num_workers=runners
    )


def test_an_episode_asks_the_deterministic_policy_at_every_step(make_runner):
    runner = make_runner()
    [episode] = runner.sample(num_episodes=1)
    simulation, total = TaskSimulation("reach-v3"), 0.0
    observation = simulation.reset(evaluation_seed(0))
    for _ in range(10):
        with torch.no_grad():
            mean, _ = runner.actor(torch.tensor(observation[None], dtype=torch.float32))
        observation, reward, _ = simulation.step(torch.tanh(mean)[0].numpy())
        total += reward
    assert episode.episode_return == total
    assert (episode.index, episode.steps, episode.env_steps()) == (0, 10, 10)


def test_outcomes_do_not_depend_on_the_number_of_runners(make_runner):
    alone = make_runner().sample(num_episodes=5)
    shared = make_runner(1, 2).sample(num_episodes=3, force_reset=True)
    shared += make_runner(2, 2).sample(num_episodes=2, force_reset=True)
    assert sorted(shared, key=lambda episode: episode.index) == alone


def test_a_local_runner_begins_again_and_a_remote_one_when_it_is_told(make_runner):
    local, remote = make_runner(), make_runner(2, 3)
    assert local.sample(num_episodes=2) == local.sample(num_episodes=2)
    remote.sample(num_episodes=2, force_reset=True)
    assert [episode.index for episode in remote.sample(num_episodes=2)] == [7, 10]
    assert [episode.index for episode in remote.sample(num_episodes=1, force_reset=True)] == [1]


def test_metrics_count_every_episode_once(make_runner):
    runner = make_runner()
    returns = [episode.episode_return for episode in runner.sample(num_episodes=3)]
    metrics = runner.get_metrics()
    assert metrics["num_episodes"].peek() == metrics["episodes"].peek() == 3
    assert metrics["episode_return_mean"].values == returns


def test_an_evaluation_in_time_steps_is_refused(make_runner):
    with pytest.raises(ValueError, match="episodes"):
        make_runner().sample(num_timesteps=10)


def test_the_policy_acts_within_the_action_space(make_runner):
    action = make_runner()._act(np.full(39, 1e3))
    assert action.shape == (4,) and action.dtype == np.float32 and np.abs(action).max() <= 1.0
