"""The sampler: what is in a fragment, and from where another runner goes on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.episode_seeds import rollout_seed
from potstill.learners.sac.rollout_runner import RolloutRunner


@pytest.fixture
def make_runner(tiny_expert):
    return lambda index=0, **changes: RolloutRunner(config=tiny_expert(seed=2, **changes), worker_index=index)


def same(first, second):
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in vars(first))


def test_a_fragment_is_what_the_simulation_does_with_its_actions(make_runner):
    rollout = make_runner(index=3).sample()
    simulation = TaskSimulation("reach-v3")
    for env in range(2):
        observation = simulation.reset(rollout_seed(2, 3, env))
        assert set(rollout.fragment.episode_seed[:, env]) == {rollout_seed(2, 3, env)}
        for step in range(5):
            assert np.array_equal(rollout.fragment.observation[step, env], observation.astype(np.float32))
            total = 0.0
            for _ in range(2):
                observation, reward, _ = simulation.step(rollout.fragment.action[step, env])
                total += reward
            assert rollout.fragment.reward[step, env] == np.float32(total)
            after = rollout.fragment.next_observation[step, env]
            assert np.array_equal(after, observation.astype(np.float32))
    assert (rollout.env_steps, rollout.episodes) == (20, ())


def test_episodes_are_reported_when_they_end_and_their_seeds_go_on(make_runner):
    runner = make_runner()
    first, second, third = runner.sample(), runner.sample(), runner.sample()
    assert not first.fragment.truncated.any() and second.fragment.truncated[-1].all()
    returns = first.fragment.reward.sum(0) + second.fragment.reward.sum(0)
    assert [value for _, value in second.episodes] == pytest.approx(list(returns), rel=1e-6)
    assert set(third.fragment.episode_seed.flat) == {rollout_seed(2, 0, 2), rollout_seed(2, 0, 3)}


def test_environment_steps_count_a_shorter_last_decision(make_runner):
    rollout = make_runner(max_steps=9, fragment=5).sample()
    assert rollout.fragment.truncated[-1].all() and rollout.env_steps == 18


def test_another_runner_goes_on_where_all_episodes_had_just_begun(make_runner):
    runner, other = make_runner(), make_runner()
    runner.sample()
    other.resume(runner.sample().runner_state)
    assert same(runner.sample().fragment, other.sample().fragment)


def test_another_runner_uses_no_seed_of_an_episode_in_flight_again(make_runner):
    runner, other = make_runner(), make_runner()
    begun = runner.sample()
    other.resume(begun.runner_state)
    assert not set(begun.fragment.episode_seed.flat) & set(other.sample().fragment.episode_seed.flat)


def test_runners_differ_in_seeds_and_noise(make_runner):
    first, second = make_runner(index=1).sample().fragment, make_runner(index=2).sample().fragment
    assert not set(first.episode_seed.flat) & set(second.episode_seed.flat)
    assert not np.array_equal(first.action, second.action)


def test_actions_follow_the_policy_s_distribution(make_runner):
    runner = make_runner()
    runner.make_env()
    observation = np.repeat(runner.env.observation[:1], 4_000, axis=0)
    actions = np.arctanh(runner._act(observation, random_actions=False).astype(np.float64))
    with torch.no_grad():
        mean, log_std = runner.actor(torch.from_numpy(observation[:1]))
    assert actions.mean(0) == pytest.approx(mean[0].numpy(), abs=0.1 * float(log_std.exp().max()))
    assert actions.std(0) == pytest.approx(log_std.exp()[0].numpy(), rel=0.05)


def test_new_weights_are_acted_by(make_runner):
    runner, other = make_runner(), make_runner()
    state = runner.module.get_state(inference_only=True)
    other.set_state({"rl_module": {"default_policy": {name: -value for name, value in state.items()}}})
    assert not np.array_equal(runner.sample().fragment.action, other.sample().fragment.action)
    runner.resume(None)
    other.resume(None)
    other.set_state({"rl_module": {"default_policy": state}})
    assert np.array_equal(runner.sample().fragment.action, other.sample().fragment.action)


def test_threads_give_the_same_fragment(make_runner):
    assert same(make_runner().sample().fragment, make_runner(env_threads=2).sample().fragment)


def test_random_actions_fill_the_action_space(make_runner):
    actions = make_runner(fragment=60, max_steps=120).sample(random_actions=True).fragment.action
    assert actions.min() < -0.95 and actions.max() > 0.95 and abs(actions.mean()) < 0.1


def test_a_runner_that_samples_refuses_to_count_episodes(make_runner):
    with pytest.raises(ValueError, match="EvaluationRunner"):
        make_runner().sample(num_episodes=1)
