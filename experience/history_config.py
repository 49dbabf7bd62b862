"""What is kept of an expert's learning: the documents' distill buffer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class HistoryConfig:
    """Whole episodes, taken at regular times, so that weak and strong behaviour are both there."""

    interval: int = 10_000
    """Environment steps between two snapshots, 100..10**8."""
    start: int = 8_000
    """No snapshot within so many environment steps, >= 0: the replay is still filling with noise."""
    episodes: int = 2
    """The last complete episodes kept at each snapshot, 1..1000."""
    validation_fraction: float = 0.2
    """Share of the episodes held out, [0, 1)."""

    def __post_init__(self) -> None:
        if not 100 <= self.interval <= 10**8:
            raise ValueError(f"interval must be in 100..10**8 environment steps: got {self.interval}")
        if self.start < 0:
            raise ValueError(f"start must be at least 0: got {self.start}")
        if not 1 <= self.episodes <= 1000:
            raise ValueError(f"episodes must be in 1..1000: got {self.episodes}")
        if not 0.0 <= self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction must be in [0, 1): got {self.validation_fraction}")

    def snapshots(self, env_steps: int) -> int:
        """How many are due once ``env_steps`` are done: one when each multiple of ``interval`` is passed."""
        return max(0, (env_steps - 1) // self.interval - self.start // self.interval)
