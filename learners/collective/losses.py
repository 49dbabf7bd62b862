"""Losses of distillation: pure functions of the policy's Gaussian and the expert's labels.

Legend: B batch, A action. The Gaussian lives before the squashing, a = tanh(u). Each returns the scalar to
minimise and its parts for the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from potstill.learners.collective.config import DistillationConfig, DistillationLoss
from potstill.policies.gaussian_actor import squashed_log_density

#: Labels are clipped to this before atanh: at +-1 the mean would have to be infinite, and past it nothing moves.
LABEL_LIMIT = 0.999


class ExpertLabels(NamedTuple):
    """What the experts say about a batch of states."""

    mu: Tensor
    """(B, A) float32 in [-1, 1]: the deterministic action."""
    log_std: Tensor
    """(B, A) float32, before the squashing; anything where ``labelled_std`` is False."""
    labelled_std: Tensor
    """(B,) bool: False where the expert has no distribution (the oracle)."""


Parts = Mapping[str, Tensor]
Loss = Callable[[Tensor, Tensor, ExpertLabels, DistillationConfig], tuple[Tensor, Parts]]


def reference_loss(
    mean: Tensor, log_std: Tensor, labels: ExpertLabels, config: DistillationConfig
) -> tuple[Tensor, Parts]:
    """Mean over rows and dimensions of (mu - mu_E)^2 + w (ls - ls_E)^2 2 / max(2, -ls_E), mu = tanh(mean).

    Rows without a labelled spread have no second term. Its weight falls where the expert is very sure, so that
    the difference between two tiny spreads does not drown the actions.

    Args:
        mean: (B, A), before the squashing.
        log_std: (B, A).
        labels: Of the same rows.
        config: Gives w, ``log_std_weight``.
    """
    mu_error = (torch.tanh(mean) - labels.mu).square()
    expert = _filled(labels)
    std_error = (log_std - expert).square() * 2.0 / (-expert).clamp(min=2.0)
    std_error = std_error * labels.labelled_std[:, None]
    loss = (mu_error + config.log_std_weight * std_error).mean()
    return loss, {"mu": mu_error.mean().detach(), "log_std": std_error.mean().detach()}


def kl_loss(
    mean: Tensor, log_std: Tensor, labels: ExpertLabels, config: DistillationConfig
) -> tuple[Tensor, Parts]:
    """Mean over rows of KL(expert || policy), and of the squared error of mu where the expert has no spread.

    KL(N_E || N) = sum_d [ ls - ls_E + (s_E^2 + (m_E - m)^2) / (2 s^2) - 1/2 ]. The squashing is one to one, so it
    is also the divergence of the actions. This direction divides by the policy's own spread: one by the
    expert's, which may be 1e-7, has no usable gradient.

    Args: as ``reference_loss``.
    """
    expert_mean, expert = _unsquashed(labels.mu), _filled(labels)
    variance_ratio = torch.exp(2.0 * (expert - log_std))
    distance = ((expert_mean - mean) * torch.exp(-log_std)).square()
    kl = (log_std - expert + 0.5 * (variance_ratio + distance) - 0.5).sum(1)
    squared = (torch.tanh(mean) - labels.mu).square().sum(1)
    loss = torch.where(labels.labelled_std, kl, squared).mean()
    return loss, {"mu": squared.mean().detach()}


def nll_loss(
    mean: Tensor, log_std: Tensor, labels: ExpertLabels, config: DistillationConfig
) -> tuple[Tensor, Parts]:
    """Mean over rows of -log pi(mu_E | s), the density of the squashed Gaussian at the expert's action.

    Args: as ``reference_loss``; the labelled spreads are not used.
    """
    before = _unsquashed(labels.mu)
    noise = (before - mean) * torch.exp(-log_std)
    loss = -squashed_log_density(before, noise, log_std).mean()
    return loss, {"mu": (torch.tanh(mean) - labels.mu).square().mean().detach()}


#: By the name in the configuration.
LOSSES: dict[DistillationLoss, Loss] = {"reference": reference_loss, "kl": kl_loss, "nll": nll_loss}


def _filled(labels: ExpertLabels) -> Tensor:
    """The labelled spreads, 0 where there is none: even masked, a NaN there would reach the gradient."""
    return torch.where(labels.labelled_std[:, None], labels.log_std, torch.zeros_like(labels.log_std))


def _unsquashed(mu: Tensor) -> Tensor:
    return torch.atanh(mu.clamp(-LABEL_LIMIT, LABEL_LIMIT))
