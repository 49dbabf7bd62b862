"""The numbers of a reading under the names by which monitoring knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from potstill.queues.queue_metrics import QueueMetrics

#: Facts of a heartbeat that are measurements, with what they mean.
WORKER_FACTS = {
    "units_per_second": "steps or scenes a worker does per second",
    "busy_share": "share of its time in which a worker is not waiting",
    "latency_p50_ms": "median time from submission of a request to its answer",
    "latency_p99_ms": "99th percentile of the time from submission of a request to its answer",
}


@dataclass(frozen=True, kw_only=True)
class MetricSample:
    """One number."""

    name: str
    """Begins with ``potstill_``; ends with ``_total`` when it only grows."""
    meaning: str
    """One line for people."""
    labels: Mapping[str, str]
    """Which group, kind or worker it is of."""
    value: float
    """In base units (seconds, tasks) unless the name says otherwise."""


def metric_samples(metrics: QueueMetrics) -> Iterator[MetricSample]:
    """Every number of a reading except the histograms."""
    for group, ledger in metrics.groups.items():
        for state in ("waiting", "leased", "done", "dead", "cancelled"):
            yield _sample(
                "tasks", "tasks of a group by state", asdict(ledger)[state], group=group, state=state
            )
        yield _sample(
            "refused_acknowledgements",
            "acknowledgements of workers that had lost their lease",
            ledger.duplicates,
            group=group,
        )
    for kind, facts in metrics.kinds.items():
        yield _sample("waiting_tasks", "tasks that wait, back-off included", facts.waiting, kind=kind)
        yield _sample(
            "oldest_waiting_seconds",
            "age of the oldest task that is ready to be leased",
            facts.oldest_seconds,
            kind=kind,
        )
    yield _sample("backing_off_tasks", "tasks that wait after a failure", metrics.backing_off)
    yield _sample("deliveries_total", "leases granted", metrics.deliveries)
    yield _sample("failed_attempts_total", "attempts that ended with an error", metrics.failures)
    yield _sample("expired_leases_total", "attempts whose worker died, hung or was cut off", metrics.expiries)
    yield _sample("workers", "workers whose heartbeat is fresh", len(metrics.workers))
    for owner, said in metrics.workers.items():
        for name, meaning in WORKER_FACTS.items():
            if isinstance(said.get(name), (int, float)):
                kind = str(said.get("kind", ""))
                yield _sample(f"worker_{name}", meaning, said[name], worker=owner, kind=kind)


def _sample(name: str, meaning: str, value: float, **labels: str) -> MetricSample:
    return MetricSample(name=f"potstill_{name}", meaning=meaning, labels=labels, value=float(value))
