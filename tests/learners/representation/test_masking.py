"""What is hidden from the transformer: how often, how, and never padding."""

from __future__ import annotations

import pytest
import torch

from potstill.learners.representation.masking import mask_windows
from potstill.policies.window_tensors import WindowTensors


def _windows(count: int, length: int, first: torch.Tensor | None = None) -> WindowTensors:
    """Values far from 0 and from each other, so that a change shows."""
    valid = torch.ones(count, length, dtype=torch.bool)
    if first is not None:
        valid = torch.arange(length)[None] >= first[:, None]
    return WindowTensors(
        torch.full((count, length, 3), 50.0),
        torch.full((count, length - 1, 2), 60.0),
        torch.full((count, length - 1), 70.0),
        valid,
    )


@pytest.mark.parametrize("kind", ["states", "actions", "rewards"])
def test_of_the_chosen_80_percent_are_blank_10_noise_and_10_unchanged(kind):
    windows = _windows(4000, 20)
    masked = mask_windows(windows, probability=0.15, seed=1)
    chosen, original = getattr(masked, kind), getattr(windows, kind)
    shown = getattr(masked.shown, kind).reshape(*chosen.shape, -1)
    blank = (shown == 0.0).all(dim=2)
    unchanged = (shown == original.flatten()[0]).all(dim=2)
    # About 11,700 chosen of 78,000 (states): three standard deviations are 0.4 and 1.1 points.
    assert chosen.float().mean().item() == pytest.approx(0.15 + 0.85**20 / 20, abs=0.005)
    assert blank[chosen].float().mean().item() == pytest.approx(0.8, abs=0.015)
    assert unchanged[chosen].float().mean().item() == pytest.approx(0.1, abs=0.012)
    noise = shown[chosen & ~blank & ~unchanged]
    assert noise.mean().item() == pytest.approx(0.0, abs=0.12)
    assert noise.std().item() == pytest.approx(1.0, abs=0.1)
    assert unchanged[~chosen].all()


def test_padding_is_neither_chosen_nor_changed():
    windows = _windows(500, 10, first=torch.arange(500) % 10)
    masked = mask_windows(windows, probability=0.5, seed=1)
    assert not masked.states[~windows.valid].any()
    assert not masked.actions[~windows.valid_transitions].any()
    assert not masked.rewards[~windows.valid_transitions].any()
    assert (masked.shown.states[~windows.valid] == 50.0).all()
    assert (masked.shown.actions[~windows.valid_transitions] == 60.0).all()


def test_where_nothing_is_chosen_the_newest_is():
    masked = mask_windows(_windows(50, 5), probability=1e-9, seed=0)
    for chosen in (masked.states, masked.actions, masked.rewards):
        assert chosen[:, -1].all()
        assert not chosen[:, :-1].any()


def test_a_window_of_one_state_has_no_transition_to_hide():
    masked = mask_windows(_windows(50, 5, first=torch.full((50,), 4)), probability=0.9, seed=0)
    assert masked.states[:, -1].all()
    assert not masked.actions.any()
    assert not masked.rewards.any()


def test_a_masking_is_a_function_of_its_seed_alone():
    windows = _windows(20, 10)
    first = mask_windows(windows, probability=0.15, seed=3)
    torch.rand(7)
    again, other = (mask_windows(windows, probability=0.15, seed=seed) for seed in (3, 4))
    assert torch.equal(first.states, again.states)
    assert all(torch.equal(a, b) for a, b in zip(first.shown, again.shown, strict=True))
    assert not torch.equal(first.states, other.states)


def test_two_views_of_a_window_are_masked_independently():
    masked = mask_windows(_windows(2000, 20).twice(), probability=0.15, seed=0)
    first, second = masked.states.chunk(2)
    both = (first & second).float().mean().item()
    assert both == pytest.approx(0.15**2, abs=0.003)
