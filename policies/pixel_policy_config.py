"""Choices of the student's network; what follows from the data is in ``ObservationShape``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class PixelPolicyConfig:
    """The defaults are quick on a CPU and keep positions: features are flattened, never pooled."""

    encoder: Literal["patch", "nature", "drq", "none"] = "patch"
    """patch: 8 x 8 patches and one strided convolution; nature: Mnih et al. 2015; drq: Kostrikov et al. 2020
    (36 times the cost of patch); none: proprioception only, the control without eyes."""
    frame_stack: int = 1
    """Consecutive frames and proprioceptions, 1..16."""
    channels: int = 64
    """Width of the encoder's first layer, 4..512; the second has twice as many (patch only)."""
    features: int = 128
    """Numbers that describe one camera's view, 8..4096."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of the layers after vision and proprioception meet, each 8..4096."""
    head: Literal["deterministic", "gaussian"] = "deterministic"
    """gaussian adds a learned log standard deviation; the loss ``nll`` needs it."""

    def __post_init__(self) -> None:
        for name, allowed in (
            ("encoder", ("patch", "nature", "drq", "none")),
            ("head", ("deterministic", "gaussian")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}: got {getattr(self, name)!r}")
        for name, low, high in (("frame_stack", 1, 16), ("channels", 4, 512), ("features", 8, 4096)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
        if not self.hidden or any(not 8 <= width <= 4096 for width in self.hidden):
            raise ValueError(f"hidden must hold at least one width, each in 8..4096: got {self.hidden}")
