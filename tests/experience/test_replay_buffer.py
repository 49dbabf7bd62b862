from __future__ import annotations

import numpy as np
import pytest

from potstill.experience.replay_buffer import ReplayBuffer
from potstill.experience.rollout_fragment import RolloutFragment


def fragment(first, decisions, envs=2):
    """Transitions numbered from ``first``; every column tells the number."""
    number = np.arange(first, first + decisions * envs, dtype=np.float32).reshape(decisions, envs)
    return RolloutFragment(
        observation=np.repeat(number[..., None], 3, -1),
        next_observation=np.repeat(number[..., None] + 0.5, 3, -1),
        action=np.repeat(number[..., None] / 1000, 2, -1),
        reward=number,
        terminated=number % 2 == 1,
        truncated=np.zeros((decisions, envs), bool),
        success=np.zeros((decisions, envs), bool),
        episode_seed=np.zeros((decisions, envs), np.int64),
    )


def test_the_columns_of_a_sampled_row_belong_to_one_transition():
    replay = ReplayBuffer(100, 3, 2)
    replay.add(fragment(0, 10))
    rows = replay.sample(50, np.random.default_rng(0))
    number = rows["reward"]
    np.testing.assert_array_equal(rows["observation"], np.repeat(number[:, None], 3, 1))
    np.testing.assert_array_equal(rows["next_observation"], np.repeat(number[:, None] + 0.5, 3, 1))
    np.testing.assert_array_equal(rows["action"], np.repeat(number[:, None] / np.float32(1000), 2, 1))
    np.testing.assert_array_equal(rows["terminated"], number % 2)


def test_the_oldest_transitions_are_overwritten():
    replay = ReplayBuffer(10, 3, 2)
    for first in range(0, 24, 6):
        replay.add(fragment(first, 3))
    assert replay.size == 10
    held = set(replay.sample(1000, np.random.default_rng(0))["reward"].tolist())
    assert held == set(range(14, 24))


def test_a_fragment_larger_than_the_buffer_leaves_its_newest_part():
    replay = ReplayBuffer(4, 3, 2)
    replay.add(fragment(0, 10))
    assert set(replay.sample(100, np.random.default_rng(0))["reward"].tolist()) == {16, 17, 18, 19}


def test_a_restored_buffer_samples_and_overwrites_as_the_old_one():
    replay, restored = ReplayBuffer(10, 3, 2), ReplayBuffer(10, 3, 2)
    replay.add(fragment(0, 6))
    restored.set_state(replay.get_state())
    for buffer in (replay, restored):
        buffer.add(fragment(100, 2))
    samples = [buffer.sample(64, np.random.default_rng(1))["reward"] for buffer in (replay, restored)]
    np.testing.assert_array_equal(*samples)


def test_an_empty_buffer_says_so():
    with pytest.raises(ValueError, match="empty"):
        ReplayBuffer(10, 3, 2).sample(1, np.random.default_rng(0))


def test_a_state_of_another_layout_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        ReplayBuffer(10, 3, 2).set_state(ReplayBuffer(10, 4, 2).get_state())


def test_a_fragment_with_a_column_of_another_length_is_refused():
    good = fragment(0, 3)
    columns = {name: getattr(good, name) for name in good.__dataclass_fields__} | {
        "success": np.zeros((2, 2), bool)
    }
    with pytest.raises(ValueError, match="success"):
        RolloutFragment(**columns)


def test_advice_stays_with_its_transition_also_through_a_checkpoint():
    replay, restored = (ReplayBuffer(8, 3, 2, advice_size=2) for _ in range(2))
    seen = fragment(0, 5)
    replay.add(seen, np.stack([seen.reward, -seen.reward], axis=-1))
    restored.set_state(replay.get_state())
    rows = restored.sample(50, np.random.default_rng(0))
    assert rows["advice"].shape == (50, 2)
    np.testing.assert_array_equal(rows["advice"][:, 0], rows["reward"])
    np.testing.assert_array_equal(rows["advice"][:, 1], -rows["reward"])


@pytest.mark.parametrize(("size", "advice"), [(0, np.zeros((5, 2, 1), np.float32)), (1, None)])
def test_advice_that_is_not_asked_for_or_lacking_is_refused(size, advice):
    with pytest.raises(ValueError, match="advice must be . numbers per transition: got"):
        ReplayBuffer(8, 3, 2, advice_size=size).add(fragment(0, 5), advice)
