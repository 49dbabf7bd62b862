"""How a run's tasks are delivered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LeaseConfig:
    """Leases and attempts of the task queue."""

    lease_seconds: float = 15.0
    """A dead worker's tasks are delivered again after this long, 1..3600; heartbeats keep a live one's."""
    max_attempts: int = 4
    """Deliveries, crashes included, before a task is a dead letter, 1..100."""

    def __post_init__(self) -> None:
        if not 1.0 <= self.lease_seconds <= 3600.0:
            raise ValueError(f"lease_seconds must be in 1..3600 seconds: got {self.lease_seconds}")
        if not 1 <= self.max_attempts <= 100:
            raise ValueError(f"max_attempts must be in 1..100: got {self.max_attempts}")
