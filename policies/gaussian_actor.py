"""The stochastic policy of soft actor-critic: a Gaussian squashed by tanh."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Upper bound of the log standard deviation.
LOG_STD_MAX = 2.0


class GaussianActor(nn.Module):
    """MLP with ReLU from states (N, S) to mean and log standard deviation of a Gaussian before the squashing.

    The log standard deviation is rescaled by tanh into [``log_std_min``, 2], so that its gradient never dies at
    a bound as it does with clipping.
    """

    def __init__(
        self, observation_size: int, action_size: int, *, hidden: tuple[int, ...], log_std_min: float
    ) -> None:
        super().__init__()
        self.action_size = action_size
        self.log_std_min = log_std_min
        layers: list[nn.Module] = []
        width = observation_size
        for size in hidden:
            layers += [nn.Linear(width, size), nn.ReLU(inplace=True)]
            width = size
        self.trunk = nn.Sequential(*layers, nn.Linear(width, 2 * action_size))

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation (N, A) each, before the squashing."""
        mean, raw = self.trunk(observation).chunk(2, dim=-1)
        span = 0.5 * (LOG_STD_MAX - self.log_std_min)
        return mean, self.log_std_min + span * (torch.tanh(raw) + 1.0)

    def sample(self, observation: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Reparametrised actions (N, A) in (-1, 1) and their log densities (N,).

        Args:
            observation: (N, S).
            noise: (N, A), standard normal.
        """
        mean, log_std = self(observation)
        before = torch.addcmul(mean, log_std.exp(), noise)
        return torch.tanh(before), squashed_log_density(before, noise, log_std)


def squashed_log_density(before: Tensor, noise: Tensor, log_std: Tensor) -> Tensor:
    """The log density log pi(tanh u | s) for u = mean + exp(log_std) * noise; all (N, A), result (N,).

    log pi = sum_d [ log N(u_d) - log(1 - tanh(u_d)^2) ], and log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u))
    keeps its precision where tanh saturates (Haarnoja et al. 2018, appendix C, in the stable form).
    """
    gaussian = -0.5 * noise.square() - log_std
    squash = 2.0 * (math.log(2.0) - before - functional.softplus(-2.0 * before))
    constant = 0.5 * math.log(2.0 * math.pi) * before.shape[-1]
    return (gaussian - squash).sum(-1) - constant
