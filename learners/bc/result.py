"""What a behaviour cloning gives when it is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
