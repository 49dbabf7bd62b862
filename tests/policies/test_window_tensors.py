"""Windows cross from arrays to tensors without a copy and without a change."""

from __future__ import annotations

import numpy as np
import torch

from potstill.experience.context_window import ContextWindows
from potstill.policies.window_tensors import WindowTensors


def _windows(count: int = 2) -> ContextWindows:
    rng = np.random.default_rng(0)
    valid = np.ones((count, 4), bool)
    valid[0, :2] = False
    return ContextWindows(
        states=rng.normal(size=(count, 4, 3)).astype(np.float32),
        actions=rng.normal(size=(count, 3, 2)).astype(np.float32),
        rewards=rng.normal(size=(count, 3)).astype(np.float32),
        valid=valid,
    )


def test_tensors_are_the_arrays_and_share_their_memory():
    windows = _windows()
    tensors = WindowTensors.of(windows)
    for name in WindowTensors._fields:
        np.testing.assert_array_equal(getattr(tensors, name).numpy(), getattr(windows, name))
    windows.states[1, 2, 0] = 42.0
    assert tensors.states[1, 2, 0] == 42.0


def test_a_transition_is_padding_where_the_state_it_leaves_is():
    tensors = WindowTensors.of(_windows())
    assert tensors.valid_transitions.tolist() == [[False, False, True], [True, True, True]]


def test_twice_is_the_same_windows_one_after_the_other():
    tensors = WindowTensors.of(_windows())
    for once, twice in zip(tensors, tensors.twice(), strict=True):
        assert torch.equal(twice, torch.cat([once, once]))


def test_moving_keeps_every_value():
    tensors = WindowTensors.of(_windows())
    for before, after in zip(tensors, tensors.to(torch.device("cpu")), strict=True):
        assert torch.equal(before, after)
