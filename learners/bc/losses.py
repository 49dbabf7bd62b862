"""Losses of behaviour cloning: pure functions of the policy's output and the expert's action.

Legend: B batch, A action. Each returns the scalar to minimise and its parts for the log. Samples are
weighted; a weight of 2 counts as two samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from potstill.learners.bc.config import LossName
from potstill.policies.pixel_policy import PolicyOutput

Loss = Callable[[PolicyOutput, torch.Tensor, torch.Tensor], tuple[torch.Tensor, dict[str, torch.Tensor]]]


def mean_squared_error(
    output: PolicyOutput, label_BA: torch.Tensor, weight_B: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Mean over samples and action dimensions of the squared difference."""
    squared_B = (output.mean - label_BA).square().mean(dim=1)
    loss = weighted_mean(squared_B, weight_B)
    return loss, {"mse": loss.detach()}


def l2_norm(
    output: PolicyOutput, label_BA: torch.Tensor, weight_B: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Mean over samples of the unsquared norm, L = mean_b ||a* - a||_2 (Yu et al. 2024, LucidSim)."""
    loss = weighted_mean(torch.linalg.vector_norm(label_BA - output.mean, dim=1), weight_B)
    return loss, {"l2": loss.detach()}


def gaussian_nll(
    output: PolicyOutput, label_BA: torch.Tensor, weight_B: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Mean over samples of -log N(a*; mean, std^2), summed over action dimensions.

    Raises:
        ValueError: the policy has no Gaussian head.
    """
    if output.log_std is None:
        raise ValueError("loss 'nll' needs policy.head 'gaussian': got 'deterministic'")
    scaled = (label_BA - output.mean) * torch.exp(-output.log_std)
    nll_B = (0.5 * scaled.square() + output.log_std + 0.5 * math.log(2 * math.pi)).sum(dim=1)
    loss = weighted_mean(nll_B, weight_B)
    return loss, {"nll": loss.detach(), "std": output.log_std.detach().exp().mean()}


#: By the name in the configuration.
LOSSES: dict[LossName, Loss] = {"mse": mean_squared_error, "l2": l2_norm, "nll": gaussian_nll}


def weighted_mean(values_B: torch.Tensor, weight_B: torch.Tensor) -> torch.Tensor:
    """Scalar mean of (B,) values; a sample of weight 2 counts as two."""
    return (values_B * weight_B).sum() / weight_B.sum()
