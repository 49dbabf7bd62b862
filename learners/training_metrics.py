"""What a training reports while it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainingMetrics:
    """Progress since the last report."""

    step: int
    """Optimiser steps done."""
    total_steps: int
    epoch: float
    """Passes over the training samples done, e.g. 1.5."""
    loss: float
    """Mean training loss since the last report."""
    validation_loss: float | None
    """Mean over the validation split; only at the end of an epoch, None without a split."""
    learning_rate: float
    """Of the last step."""
    samples_per_second: float
    """Since this process began."""
