"""What a learner reports while it trains, and when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class BcMetrics:
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


@dataclass(frozen=True, kw_only=True)
class BcResult:
    """A finished training."""

    folder: Path
    """Holds the policy."""
    sha256: str
    """The policy's version."""
    steps: int
    epochs: float
    train_loss: float
    """Mean of the last report."""
    validation_loss: float | None
    train_samples: int
    """Size of the training split."""
    validation_samples: int
    seconds: float
    """Wall time of training, interrupted attempts included."""
