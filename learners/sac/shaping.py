"""The formulas by which a collective policy's advice enters soft actor-critic (``ShapingConfig`` states them)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def agreement(action: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """b: the likelihood of an action over its peak.

    Args:
        action: (..., A).
        mean: (..., A) squashed.
        std: (..., A), > 0.

    Returns:
        (...) in [0, 1]; 0 where it underflows.
    """
    return torch.exp(-0.5 * ((action - mean) / std).square().sum(-1))


def add_bonus(minibatches: Mapping[str, np.ndarray], weight: float) -> dict[str, np.ndarray]:
    """The same minibatches without their ``advice`` (..., 1), which is b: ``weight`` times b is in the reward.

    Args:
        minibatches: Arrays by name.
        weight: In the unit of the stored reward.
    """
    shaped = dict(minibatches)
    advice = shaped.pop("advice")
    shaped["reward"] = shaped["reward"] + np.float32(weight) * advice[..., 0]
    return shaped


def potential(advice: Tensor, action: Tensor, *, weight: float, after: bool) -> Tensor:
    """Phi(s, a) = weight * b(s, a), with gradient to the action.

    Added to the critics at s and at s' alike it makes their loss that of the reward with gamma Phi(s', a') - Phi(s, a)
    in it, for Q + Phi is then what has to meet r + gamma (Q' + Phi)(s', a').

    Args:
        advice: (N, 4A): mu and sigma at s, then at s'.
        action: (N, A).
        weight: In the unit of the stored reward.
        after: Whether the action is one at s'.

    Returns:
        (N,).
    """
    now_mean, now_std, next_mean, next_std = advice.chunk(4, dim=-1)
    mean, std = (next_mean, next_std) if after else (now_mean, now_std)
    return weight * agreement(action, mean, std)
