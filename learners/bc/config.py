"""Settings of behaviour cloning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from potstill.experience.aggregation_config import AggregationConfig

LossName = Literal["mse", "l2", "nll"]
_CHOICES = {
    "loss": get_args(LossName),
    "optimiser": ("adamw", "adam"),
    "start": ("warm", "reset"),
    "device": ("auto", "cpu", "cuda"),
    "precision": ("auto", "fp32", "bf16", "fp16"),
}
_RANGES: dict[str, tuple[float, float]] = {
    "batch_size": (1, 65_536),
    "learning_rate": (1e-7, 1.0),
    "warmup_steps": (0, 1_000_000),
    "weight_decay": (0.0, 1.0),
    "gradient_clip": (1e-6, 1e6),
    "ema_decay": (0.0, 0.99999),
    "random_shift": (0, 32),
    "privileged_weight": (0.0, 100.0),
    "explosion_ratio": (2.0, 1e12),
    "report_every_steps": (1, 1_000_000),
    "checkpoint_every_steps": (1, 1_000_000),
}


@dataclass(frozen=True, kw_only=True)
class BcConfig:
    """One round's training on the union of the rounds so far."""

    loss: LossName = "mse"
    """mse: mean squared error; l2: mean unsquared norm; nll: Gaussian, needs the policy's gaussian head."""
    epochs: int | None = None
    """Passes over the training samples, 1..100000; give this or ``gradient_steps``."""
    gradient_steps: int | None = 2000
    """Optimiser steps, 1..100000000, however much data there is."""
    start: Literal["warm", "reset"] = "warm"
    """warm: from the previous round's weights when there are any; reset: from random ones."""
    batch_size: int = 256
    """Samples per step, 1..65536; fewer when there are fewer in all."""
    optimiser: Literal["adamw", "adam"] = "adamw"
    """Its state starts anew each round."""
    learning_rate: float = 1e-3
    """Peak, 1e-7..1; falls to 0 by a cosine."""
    warmup_steps: int = 50
    """Steps over which the rate rises linearly from 0, 0..1000000."""
    weight_decay: float = 1e-4
    """0..1; decoupled with adamw."""
    gradient_clip: float = 1.0
    """Largest norm of the gradient, 1e-6..1e6."""
    ema_decay: float = 0.0
    """0..0.99999; the student is the exponential moving average of the weights, 0 = the last weights."""
    random_shift: int = 4
    """Augmentation: pictures move by up to this many pixels, 0..32; 0 = none."""
    privileged_weight: float = 0.0
    """0..100; weight of an auxiliary loss: from what the encoders make of the pictures, a linear read-out must tell
    what only the simulator knows. It teaches the encoders where things are and is thrown away. 0 = none."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: the GPU when there is one."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 on a GPU, fp32 on a CPU; fp16 needs a GPU."""
    explosion_ratio: float = 1000.0
    """Training fails when a loss exceeds this many times max(first loss, 1), 2..1e12."""
    report_every_steps: int = 20
    """Steps between metrics and checks for divergence, 1..1000000."""
    checkpoint_every_steps: int = 200
    """Steps between training states to resume from, 1..1000000."""
    aggregation: AggregationConfig = field(default_factory=AggregationConfig)
    """How rounds are put together."""

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}: got {getattr(self, name)!r}")
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:  # also refuses NaN
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
        if (self.epochs is None) == (self.gradient_steps is None):
            raise ValueError(
                "give one of epochs and gradient_steps, and none for the other: "
                f"got {self.epochs} and {self.gradient_steps}"
            )
        for name, high in (("epochs", 100_000), ("gradient_steps", 100_000_000)):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= high:
                raise ValueError(f"{name} must be in 1..{high} or none: got {value}")
