"""The student's network: camera pictures and proprioception to an action."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from potstill.policies.image_encoder import ImageEncoder
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy_config import PixelPolicyConfig

#: Bounds of the Gaussian head's log standard deviation.
LOG_STD_RANGE = (-5.0, 1.0)


class PolicyOutput(NamedTuple):
    """What the network says about a batch."""

    mean: torch.Tensor
    """(B, A) float32 in [-1, 1]."""
    log_std: torch.Tensor | None
    """(B, A) float32, or None for the deterministic head."""


class PixelPolicy(nn.Module):
    """One encoder per camera (their views differ), joined with normalised proprioception.

    Legend: B batch, K frame stack, C cameras, H x W pixels, P proprioception, A action, F features.
    There is no input for privileged state.
    """

    proprio_mean: torch.Tensor
    proprio_std: torch.Tensor

    def __init__(self, config: PixelPolicyConfig, shape: ObservationShape) -> None:
        """Random weights from torch's global generator; the normaliser starts as the identity."""
        super().__init__()
        self.config, self.shape = config, shape
        self.register_buffer("proprio_mean", torch.zeros(shape.proprio))
        self.register_buffer("proprio_std", torch.ones(shape.proprio))
        eyes = 0 if config.encoder == "none" else shape.cameras
        self.encoders = nn.ModuleList(ImageEncoder(config, shape) for _ in range(eyes))
        layers: list[nn.Module] = []
        width = eyes * config.features + config.frame_stack * shape.proprio
        for hidden in config.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU()]
            width = hidden
        self.body = nn.Sequential(*layers)
        outputs = shape.actions * (2 if config.head == "gaussian" else 1)
        self.head = nn.Linear(width, outputs)

    def set_normaliser(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Proprioception statistics (P,) of the training data; a constant dimension is left unscaled."""
        self.proprio_mean.copy_(mean)
        self.proprio_std.copy_(torch.where(std > 1e-4, std, torch.ones_like(std)))

    def forward(self, frames_BKCHW3: torch.Tensor, proprio_BKP: torch.Tensor) -> PolicyOutput:
        """(B, K, C, H, W, 3) uint8 and (B, K, P) float32 to the action's distribution."""
        return self.decide(self.view(frames_BKCHW3), proprio_BKP)

    def view(self, frames_BKCHW3: torch.Tensor) -> torch.Tensor:
        """What the encoders make of the pictures, (B, C F); (B, 0) without encoders."""
        parts = [
            encoder(self._images(frames_BKCHW3[:, :, camera])) for camera, encoder in enumerate(self.encoders)
        ]
        return torch.cat(parts, dim=1) if parts else self.proprio_mean.new_empty(len(frames_BKCHW3), 0)

    def decide(self, view_BF: torch.Tensor, proprio_BKP: torch.Tensor) -> PolicyOutput:
        """A view and (B, K, P) float32 to the action's distribution."""
        normalised = ((proprio_BKP - self.proprio_mean) / self.proprio_std).clamp(-10.0, 10.0)
        output = self.head(self.body(torch.cat([normalised.flatten(1), view_BF], dim=1))).float()
        if self.config.head == "deterministic":
            return PolicyOutput(torch.tanh(output), None)
        mean, raw = output.chunk(2, dim=1)
        low, high = LOG_STD_RANGE
        return PolicyOutput(torch.tanh(mean), low + (high - low) * torch.sigmoid(raw))

    @staticmethod
    def _images(frames_BKHW3: torch.Tensor) -> torch.Tensor:
        """One camera's stack as (B, 3K, H, W) float in [-0.5, 0.5], channels last in memory."""
        batch, stack, height, width, _ = frames_BKHW3.shape
        stacked = frames_BKHW3.permute(0, 2, 3, 1, 4).reshape(batch, height, width, 3 * stack)
        return stacked.permute(0, 3, 1, 2).float().mul_(1 / 255).sub_(0.5)
