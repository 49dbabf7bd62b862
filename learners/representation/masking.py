"""Masking of windows for reconstruction (Devlin et al. 2019, BERT: 80 / 10 / 10)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from potstill.policies.window_tensors import WindowTensors

#: Of the chosen positions, this share is blanked, the next is drowned in noise, the rest stays as it is.
BLANK_SHARE, NOISE_SHARE = 0.8, 0.1


class MaskedWindows(NamedTuple):
    """Windows to show, and where the original is asked for. Padding is never chosen."""

    shown: WindowTensors
    states: Tensor
    """(N, K) bool: chosen."""
    actions: Tensor
    """(N, K - 1) bool: chosen."""
    rewards: Tensor
    """(N, K - 1) bool: chosen."""


def mask_windows(normalised: WindowTensors, *, probability: float, seed: int) -> MaskedWindows:
    """Hide states, actions and rewards, each kind by itself; a pure function of its arguments.

    A time step is chosen with ``probability``; where none of a window is, its newest one. A blank is 0, which is
    the mean of normalised values, and noise has their variance, 1.
    """
    # Drawn on the CPU, so that a GPU hides the same.
    generator = torch.Generator().manual_seed(seed)
    moved = normalised.valid_transitions
    states, chosen_states = _hide(normalised.states, normalised.valid, probability, generator)
    actions, chosen_actions = _hide(normalised.actions, moved, probability, generator)
    rewards, chosen_rewards = _hide(normalised.rewards[..., None], moved, probability, generator)
    shown = WindowTensors(states, actions, rewards.squeeze(-1), normalised.valid)
    return MaskedWindows(shown, chosen_states, chosen_actions, chosen_rewards)


def _hide(
    values_NLX: Tensor, valid_NL: Tensor, probability: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    device = values_NLX.device
    choice_NL, fate_NL = torch.rand((2, *valid_NL.shape), generator=generator).to(device)
    noise_NLX = torch.randn(values_NLX.shape, generator=generator).to(device)
    chosen_NL = (choice_NL < probability) & valid_NL
    chosen_NL[:, -1] |= valid_NL[:, -1] & ~chosen_NL.any(dim=1)
    blank_NL = chosen_NL & (fate_NL < BLANK_SHARE)
    noisy_NL = chosen_NL & ~blank_NL & (fate_NL < BLANK_SHARE + NOISE_SHARE)
    hidden_NLX = torch.where(noisy_NL[..., None], noise_NLX, values_NLX)
    return hidden_NLX.masked_fill(blank_NL[..., None], 0.0), chosen_NL
