"""What can be measured of a run's queue at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potstill.queues.duration_histogram import BOUNDS, DurationHistogram
from potstill.queues.task import Ledger


@dataclass(frozen=True, kw_only=True)
class KindMetrics:
    """Of one kind of task."""

    waiting: int
    """Ready or backing off."""
    oldest_seconds: float
    """Since the submission of the oldest task that is ready to be leased; 0 when there is none."""
    waited: DurationHistogram
    """From submission to first delivery."""
    worked: DurationHistogram
    """From the last delivery to the acknowledgement."""


@dataclass(frozen=True, kw_only=True)
class QueueMetrics:
    """One reading, taken at once (the workers' facts a moment later)."""

    ledger: Ledger
    """Of the whole run."""
    groups: Mapping[str, Ledger]
    """Of each group."""
    kinds: Mapping[str, KindMetrics]
    """Of each kind that was ever submitted."""
    backing_off: int
    """Tasks that wait after a failure."""
    deliveries: int
    """Leases granted since the run began."""
    failures: int
    """Attempts that ended with an error."""
    expiries: int
    """Attempts that ended because the lease expired: the worker died, hung or lost its network."""
    workers: Mapping[str, Mapping[str, Any]]
    """Facts of the workers whose heartbeat is fresh, by owner."""


def kind_metrics(*, waiting: int, oldest_seconds: float, tallies: Mapping[str, int]) -> KindMetrics:
    """Metrics of a kind from its tallies, which both back ends keep (``WHAT:BUCKET`` and ``WHAT:sum``, ms)."""
    histograms = {
        what: DurationHistogram(
            counts=tuple(tallies.get(f"{what}:{bucket}", 0) for bucket in range(len(BOUNDS))),
            sum_seconds=tallies.get(f"{what}:sum", 0) / 1000,
        )
        for what in ("waited", "worked")
    }
    return KindMetrics(waiting=waiting, oldest_seconds=oldest_seconds, **histograms)
