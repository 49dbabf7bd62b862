"""An auxiliary loss that teaches the encoders where things are: tell the privileged state from the view."""

from __future__ import annotations

import torch
from torch import nn

from potstill.learners.bc.losses import weighted_mean

#: A privileged number that hardly varies over the training data says nothing; it is left out.
_CONSTANT = 1e-4


class PrivilegedReadout(nn.Module):
    """Linear, from the student's view (B, F) to the normalised privileged observation (B, S).

    It exists only while the student is trained: the student neither sees privileged state nor keeps the read-out.
    Such auxiliary targets are an old device (e.g. Jaderberg et al. 2017; Chen et al. 2019, Learning by Cheating).
    """

    mean: torch.Tensor
    std: torch.Tensor
    varies: torch.Tensor

    def __init__(self, features: int, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Random weights from torch's global generator; ``mean`` and ``std`` (S,) float32 of the training data."""
        super().__init__()
        if features < 1:
            raise ValueError("privileged_weight needs a policy with an encoder: got encoder 'none'")
        self.linear = nn.Linear(features, len(mean))
        self.register_buffer("mean", mean)
        self.register_buffer("varies", std > _CONSTANT)
        self.register_buffer("std", torch.where(std > _CONSTANT, std, torch.ones_like(std)))

    def loss(
        self, view_BF: torch.Tensor, privileged_BS: torch.Tensor, weight_B: torch.Tensor
    ) -> torch.Tensor:
        """Mean squared error in standard deviations, over what varies; samples are weighted."""
        wanted = (privileged_BS.float() - self.mean) / self.std
        squared_BS = (self.linear(view_BF).float() - wanted).square() * self.varies
        squared_B = squared_BS.sum(dim=1) / self.varies.sum().clamp(min=1)
        return weighted_mean(squared_B, weight_B)
