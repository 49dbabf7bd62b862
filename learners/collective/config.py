"""Settings of the distillation into the collective policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from potstill.learners.training_config import TrainingConfig

DistillationLoss = Literal["reference", "kl", "nll"]


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """One round's training on the union of the rounds so far."""

    training: TrainingConfig = field(default_factory=TrainingConfig)
    """Steps, batches and optimiser."""
    loss: DistillationLoss = "reference"
    """reference: squared errors of the action and of the log standard deviation; kl: divergence from the expert's
    Gaussian; nll: density of the expert's action. The last two want a ``log_std_min`` of about -5."""
    log_std_weight: float = 0.2
    """Weight of the second error of ``reference``, 0..100."""
    start: Literal["warm", "reset"] = "warm"
    """warm: from the previous round's weights when there are any; reset: from random ones."""

    def __post_init__(self) -> None:
        if self.loss not in get_args(DistillationLoss):
            raise ValueError(
                f"loss must be one of {', '.join(get_args(DistillationLoss))}: got {self.loss!r}"
            )
        if not 0.0 <= self.log_std_weight <= 100.0:  # also refuses NaN
            raise ValueError(f"log_std_weight must be in 0..100: got {self.log_std_weight}")
        if self.start not in ("warm", "reset"):
            raise ValueError(f"start must be one of warm, reset: got {self.start!r}")
