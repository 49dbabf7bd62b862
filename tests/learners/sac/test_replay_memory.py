"""Minibatches of own decisions and demonstrations, and their checkpoint."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.experience.rollout_fragment import RolloutFragment
from potstill.learners.sac.replay_memory import ReplayMemory


def fragment(reward, decisions=6):
    shape, flag = (decisions, 1), np.zeros((decisions, 1), bool)
    state = np.zeros((*shape, 3), np.float32)
    return RolloutFragment(
        observation=state, next_observation=state, action=np.zeros((*shape, 2), np.float32),
        reward=np.full(shape, reward, np.float32), terminated=flag, truncated=flag, success=flag,
        episode_seed=np.zeros(shape, np.int64),
    )  # fmt: skip


@pytest.fixture
def make_memory(tiny_sac):
    return lambda **changes: ReplayMemory(tiny_sac(**changes), 3, 2, run_seed=1)


def test_demonstrations_have_their_share_of_every_minibatch(make_memory):
    memory = make_memory(demo_episodes=1, demo_fraction=0.25, reward_scale=0.5)
    assert memory.lacks_demonstrations
    memory.add_demonstration(fragment(2.0))
    memory.add(fragment(4.0))
    batches = memory.minibatches(3)
    assert not memory.lacks_demonstrations
    assert batches["reward"].tolist() == [[1.0] * 4 + [2.0] * 12] * 3, "scaled, demonstrations first"
    assert batches["observation"].shape == (3, 16, 3) and batches["observation"].dtype == np.float32


@pytest.mark.parametrize(("fraction", "values"), [(0.0, {4.0}), (1.0, {2.0})])
def test_the_share_may_be_nothing_or_all(make_memory, fraction, values):
    memory = make_memory(demo_episodes=1, demo_fraction=fraction, reward_scale=1.0)
    memory.add_demonstration(fragment(2.0))
    memory.add(fragment(4.0))
    assert set(memory.minibatches(2)["reward"].flat) == values


def test_a_restored_memory_draws_the_same_minibatches(make_memory, tmp_path):
    memory, other = make_memory(demo_episodes=1), make_memory(demo_episodes=1)
    memory.add_demonstration(fragment(2.0))
    for value in range(300):
        memory.add(fragment(float(value)))
    memory.minibatches(1)
    memory.save_to_path(tmp_path)
    other.restore_from_path(tmp_path)
    first, second = memory.minibatches(4), other.minibatches(4)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not other.lacks_demonstrations
    assert [path.name for path in tmp_path.iterdir()] == ["replay.safetensors"], "nothing is pickled"


def test_a_checkpoint_of_a_larger_memory_is_refused(make_memory, tmp_path):
    memory = make_memory(replay_capacity=2_000)
    for _ in range(200):
        memory.add(fragment(0.0))
    memory.save_to_path(tmp_path)
    with pytest.raises(ValueError, match="does not fit"):
        make_memory(replay_capacity=1_000).restore_from_path(tmp_path)
