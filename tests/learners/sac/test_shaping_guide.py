"""The teacher along the student's history: what it is shown, and what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.envs.compress_observation import compress_observation
from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.context_history import ContextHistory
from potstill.experience.context_window import stack_windows
from potstill.experience.episode_seeds import rollout_seed
from potstill.experience.errors import ArrayFileError
from potstill.learners.sac.rollout_runner import RolloutRunner
from potstill.learners.sac.shaping_config import ShapingConfig
from potstill.learners.sac.shaping_guide import ShapingGuide
from potstill.policies.collective_checkpoint import load_collective
from potstill.policies.window_tensors import WindowTensors


def replayed(fragment, env, seed):
    """One environment's windows before each of its decisions, and at the end; everything by hand, step by step."""
    simulation, history = TaskSimulation("reach-v3"), ContextHistory(6, 21, 4)
    history.see(compress_observation(simulation.reset(seed)))
    windows = [history.window()]
    for action in fragment.action[:, env]:
        for _ in range(2):
            observation, reward, _ = simulation.step(action)
            history.did(action, reward)
            history.see(compress_observation(observation))
        windows.append(history.window())
    return stack_windows(windows)


def spoken(folder, windows):
    """What the policy of a folder says about windows: squashed mean and standard deviation, (N, 4) each."""
    policy, _ = load_collective(folder)
    with torch.inference_mode():
        mean, log_std = policy(WindowTensors.of(windows), torch.zeros(len(windows), dtype=torch.long))
    return np.tanh(mean.numpy()), np.exp(log_std.numpy())


@pytest.fixture
def make_runner(tiny_expert, shaping_teacher):
    def make(form="bonus", *, std_floor=0.2, **changes):
        shaping = ShapingConfig(teacher=str(shaping_teacher), form=form, end_step=1_000, std_floor=std_floor)
        return RolloutRunner(config=tiny_expert(seed=2, **changes).expert(shaping=shaping), worker_index=0)

    return make


def test_the_bonus_is_that_of_a_history_told_every_environment_step(make_runner, shaping_teacher):
    rollout = make_runner().sample()
    assert rollout.advice.shape == (5, 2, 1) and rollout.advice.dtype == np.float32
    for env in range(2):
        windows = replayed(rollout.fragment, env, rollout_seed(2, 0, env))
        mean, std = spoken(shaping_teacher, windows)
        std = np.maximum(std, 0.2)
        off = (rollout.fragment.action[:, env] - mean[:-1]) / std[:-1]
        expected = np.exp(-0.5 * (off**2).sum(-1))
        np.testing.assert_allclose(rollout.advice[:, env, 0], expected, rtol=1e-4)


def test_the_potential_keeps_mean_and_floored_sigma_before_and_after(make_runner, shaping_teacher):
    runner = make_runner("potential", std_floor=0.3)
    first, second = runner.sample(), runner.sample()
    assert first.advice.shape == (5, 2, 16)
    assert second.fragment.truncated[-1].all(), "after the last decision there is the end of its own episode"
    advice = np.concatenate([first.advice, second.advice])
    fragment = first.fragment
    fragment = type(fragment)(
        **{
            name: np.concatenate([getattr(r.fragment, name) for r in (first, second)])
            for name in vars(fragment)
        }
    )
    for env in range(2):
        mean, std = spoken(shaping_teacher, replayed(fragment, env, rollout_seed(2, 0, env)))
        std = np.maximum(std, np.float32(0.3))
        expected = np.concatenate([mean[:-1], std[:-1], mean[1:], std[1:]], axis=-1)
        np.testing.assert_allclose(advice[:, env], expected, rtol=1e-4, atol=1e-6)


def test_a_new_episode_begins_with_an_empty_history(make_runner, shaping_teacher):
    runner = make_runner("potential")
    for _ in range(2):
        runner.sample()
    third = runner.sample()
    mean, _ = spoken(shaping_teacher, replayed(third.fragment, 0, rollout_seed(2, 0, 2)))
    np.testing.assert_allclose(third.advice[:, 0, :4], mean[:-1], rtol=1e-4, atol=1e-6)


def test_sigma_is_floored_where_the_teacher_is_all_but_deterministic(make_runner, shaping_teacher):
    advice = make_runner("potential", std_floor=0.2).sample().advice
    assert (
        spoken(shaping_teacher, replayed(make_runner().sample().fragment, 0, rollout_seed(2, 0, 0)))[1].max()
        < 0.1
    )
    assert np.array_equal(np.unique(advice[..., 4:8]), np.float32([0.2]))


def test_the_student_acts_as_it_would_without_a_teacher(make_runner, tiny_expert):
    shaped, plain = make_runner().sample(), RolloutRunner(config=tiny_expert(seed=2), worker_index=0).sample()
    assert plain.advice is None
    for name in vars(plain.fragment):
        assert np.array_equal(getattr(shaped.fragment, name), getattr(plain.fragment, name)), name


def test_a_runner_that_goes_on_for_another_is_guided_alike(make_runner):
    runner, other = make_runner(), make_runner()
    runner.sample()
    other.resume(runner.sample().runner_state)
    assert np.array_equal(runner.sample().advice, other.sample().advice)


def test_a_missing_teacher_is_named(tmp_path):
    with pytest.raises(ArrayFileError, match="nowhere"):
        ShapingGuide.load(ShapingConfig(teacher=str(tmp_path / "nowhere")), task="reach-v3")
