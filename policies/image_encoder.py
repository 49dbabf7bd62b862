"""Encoders of one camera's frame stack into a feature vector that keeps positions."""

from __future__ import annotations

import torch
from torch import nn

from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy_config import PixelPolicyConfig


class ImageEncoder(nn.Module):
    """Convolutions, then one linear layer over *all* positions.

    Global pooling would lose where things are; a weight per position and channel lets the network read off a
    marker's place to a fraction of a patch. Legend: N images, S = 3K stacked channels, F features.
    """

    def __init__(self, config: PixelPolicyConfig, shape: ObservationShape) -> None:
        """Raises ValueError when the pictures are too small for the chosen encoder."""
        super().__init__()
        stacked = 3 * config.frame_stack
        self.trunk = _TRUNKS[config.encoder](stacked, config.channels)
        try:
            with torch.no_grad():
                width = self.trunk(torch.zeros(1, stacked, shape.height, shape.width)).shape[1]
        except RuntimeError as error:
            raise ValueError(
                f"encoder {config.encoder!r} needs larger pictures than {shape.height} x {shape.width}"
            ) from error
        self.project = nn.Sequential(
            nn.Linear(width, config.features), nn.LayerNorm(config.features), nn.Tanh()
        )

    def forward(self, images_NSHW: torch.Tensor) -> torch.Tensor:
        """(N, S, H, W) float in about [-0.5, 0.5] -> (N, F)."""
        return self.project(self.trunk(images_NSHW))


def _patch(stacked: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(stacked, channels, 8, stride=8), nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
    )  # fmt: skip


def _nature(stacked: int, channels: int) -> nn.Sequential:
    """Mnih et al. 2015, Human-level control through deep reinforcement learning."""
    return nn.Sequential(
        nn.Conv2d(stacked, 32, 8, stride=4), nn.ReLU(), nn.Conv2d(32, 64, 4, stride=2), nn.ReLU(),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(),
    )  # fmt: skip


def _drq(stacked: int, channels: int) -> nn.Sequential:
    """Kostrikov et al. 2020, Image Augmentation Is All You Need."""
    return nn.Sequential(
        nn.Conv2d(stacked, 32, 3, stride=2), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(),
        nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Flatten(),
    )  # fmt: skip


_TRUNKS = {"patch": _patch, "nature": _nature, "drq": _drq}
