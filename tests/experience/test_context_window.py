"""One window builder for everyone: what is played live is what training gathers, and nothing of the future."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.experience.context_history import ContextHistory
from potstill.experience.context_window import ContextWindows, stack_windows

STATE, ACTION = 3, 2


def episode(steps, seed=0):
    rng = np.random.default_rng(seed)
    sizes = ((steps, STATE), (steps, ACTION), (steps,))
    return tuple(rng.normal(size=size).astype(np.float32) for size in sizes)


def window_at(t, states, actions, rewards, *, length):
    history = ContextHistory(length, STATE, ACTION)
    for past in range(t):
        history.see(states[past])
        history.did(actions[past], rewards[past])
    history.see(states[t])
    return history.window()


def same(one: ContextWindows, other: ContextWindows) -> bool:
    names = ("states", "actions", "rewards", "valid")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_a_window_holds_the_last_states_and_what_happened_between_them():
    states, actions, rewards = episode(6)
    window = window_at(5, states, actions, rewards, length=3)
    assert np.array_equal(window.states[0], states[3:6])
    assert np.array_equal(window.actions[0], actions[3:5])
    assert np.array_equal(window.rewards[0], rewards[3:5])
    assert window.valid.all() and len(window) == 1 and window.length == 3


def test_before_the_beginning_there_are_zeros_that_do_not_count():
    states, actions, rewards = episode(6)
    window = window_at(1, states, actions, rewards, length=4)
    assert window.valid.tolist() == [[False, False, True, True]]
    assert not window.states[0, :2].any() and np.array_equal(window.states[0, 2:], states[:2])
    assert not window.actions[0, :2].any() and np.array_equal(window.actions[0, 2], actions[0])
    assert window.rewards[0].tolist() == [0.0, 0.0, rewards[0]]


@settings(max_examples=200, deadline=None)
@given(data=st.data(), steps=st.integers(1, 30), length=st.integers(1, 12))
def test_the_window_at_t_does_not_depend_on_the_action_at_t_or_anything_later(data, steps, length):
    t = data.draw(st.integers(0, steps - 1))
    states, actions, rewards = episode(steps)
    window = window_at(t, states, actions, rewards, length=length)
    others = episode(steps, seed=1)
    changed = states.copy(), actions.copy(), rewards.copy()
    for first, mine, other in zip((t + 1, t, t), changed, others):
        mine[first:] = other[first:]
    assert same(window, window_at(t, *changed, length=length))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), steps=st.integers(1, 30), length=st.integers(1, 12))
def test_the_window_at_t_does_depend_on_everything_within_reach(data, steps, length):
    t = data.draw(st.integers(0, steps - 1))
    past = data.draw(st.integers(0, t))
    arrays = episode(steps)
    window = window_at(t, *arrays, length=length)
    for array, within in zip(arrays, (t - past < length, 0 < t - past < length, 0 < t - past < length)):
        kept = array[past].copy()
        array[past] += 1
        assert same(window, window_at(t, *arrays, length=length)) != within
        array[past] = kept


def test_a_window_keeps_what_it_held_when_the_caller_writes_into_its_arrays():
    history = ContextHistory(2, STATE, ACTION)
    state = np.ones(STATE, np.float32)
    history.see(state)
    window = history.window()
    state[:] = 7
    assert (window.states[0, 1] == 1).all() and (history.window().states[0, 1] == 1).all()


def test_a_call_out_of_order_is_refused():
    history = ContextHistory(2, STATE, ACTION)
    with pytest.raises(RuntimeError, match="state 0 was not seen"):
        history.window()
    with pytest.raises(RuntimeError, match="action 0 is told before"):
        history.did(np.zeros(ACTION), 0.0)
    history.see(np.zeros(STATE))
    with pytest.raises(RuntimeError, match="before action 0 was told"):
        history.see(np.zeros(STATE))
    history.did(np.zeros(ACTION), 0.0)
    with pytest.raises(RuntimeError, match="state 1 was not seen"):
        history.window()


def test_wrong_sizes_are_refused_by_name():
    history = ContextHistory(2, STATE, ACTION)
    with pytest.raises(ValueError, match=r"state must be \(3,\): got \(1,\)"):
        history.see(np.zeros(1))
    with pytest.raises(ValueError, match="length must be at least 1: got 0"):
        ContextHistory(0, STATE, ACTION)
    window = window_at(1, *episode(3), length=2)
    with pytest.raises(ValueError, match=r"actions must be \(1, 1, 2\) float32"):
        ContextWindows(window.states, window.actions[:, :0], window.rewards, window.valid)
    with pytest.raises(ValueError, match="valid must be bool"):
        ContextWindows(window.states, window.actions, window.rewards, window.valid.astype(np.uint8))


def test_stacked_windows_come_in_order():
    arrays = episode(9)
    windows = [window_at(t, *arrays, length=4) for t in range(9)]
    stacked = stack_windows(windows)
    assert len(stacked) == 9 and np.array_equal(stacked.states[:, -1], arrays[0])
    assert all(np.array_equal(stacked.rewards[t], windows[t].rewards[0]) for t in range(9))
    with pytest.raises(ValueError):
        stack_windows([windows[0], window_at(0, *arrays, length=5)])
