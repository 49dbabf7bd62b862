"""Settings that every gradient training shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_RANGES: dict[str, tuple[float, float]] = {
    "gradient_steps": (1, 100_000_000),
    "batch_size": (1, 65_536),
    "learning_rate": (1e-7, 1.0),
    "warmup_steps": (0, 1_000_000),
    "weight_decay": (0.0, 1.0),
    "gradient_clip": (1e-6, 1e6),
    "explosion_ratio": (2.0, 1e12),
    "report_every_steps": (1, 1_000_000),
    "checkpoint_every_steps": (1, 1_000_000),
}
_DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """AdamW on batches of equal size, with warm-up and cosine."""

    gradient_steps: int = 4000
    """Optimiser steps, 1..100000000, however much data there is."""
    batch_size: int = 256
    """Samples per step, 1..65536."""
    learning_rate: float = 1e-3
    """Peak, 1e-7..1; falls to 0 by a cosine."""
    warmup_steps: int = 50
    """Steps over which the rate rises linearly from 0, 0..1000000."""
    weight_decay: float = 1e-4
    """0..1, decoupled."""
    gradient_clip: float = 1.0
    """Largest norm of the gradient, 1e-6..1e6."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: the GPU when there is one."""
    explosion_ratio: float = 1000.0
    """Training fails when a loss exceeds this many times max(first loss, 1), 2..1e12."""
    report_every_steps: int = 50
    """Steps between metrics and checks for divergence, 1..1000000."""
    checkpoint_every_steps: int = 500
    """Steps between training states to resume from, 1..1000000."""

    def __post_init__(self) -> None:
        if self.device not in _DEVICES:
            raise ValueError(f"device must be one of {', '.join(_DEVICES)}: got {self.device!r}")
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:  # also refuses NaN
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
