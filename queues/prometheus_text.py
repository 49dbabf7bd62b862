"""A reading in the text format of Prometheus."""

from __future__ import annotations

import math
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from potstill.queues.duration_histogram import BOUNDS
from potstill.queues.metric_sample import metric_samples
from potstill.queues.queue_metrics import QueueMetrics


def prometheus_text(metrics: QueueMetrics, *, run: str) -> str:
    """The page a Prometheus server scrapes; every number is labelled with the run."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics, run))
    return generate_latest(registry).decode()


class _Collector:
    """What prometheus_client asks for its families."""

    def __init__(self, metrics: QueueMetrics, run: str) -> None:
        self._metrics = metrics
        self._run = run

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for sample in metric_samples(self._metrics):
            kind = CounterMetricFamily if sample.name.endswith("_total") else GaugeMetricFamily
            family = families.setdefault(
                sample.name, kind(sample.name, sample.meaning, labels=["run", *sample.labels])
            )
            family.add_metric([self._run, *sample.labels.values()], sample.value)
        yield from families.values()
        yield self._histogram("waited", "potstill_wait_seconds", "from submission to first delivery")
        yield self._histogram("worked", "potstill_work_seconds", "from last delivery to acknowledgement")

    def _histogram(self, what: str, name: str, meaning: str) -> Metric:
        family = HistogramMetricFamily(name, meaning, labels=["run", "kind"])
        for kind, facts in self._metrics.kinds.items():
            histogram, below, buckets = getattr(facts, what), 0, []
            for bound, count in zip(BOUNDS, histogram.counts, strict=True):
                below += count
                buckets.append(("+Inf" if math.isinf(bound) else repr(bound), below))
            family.add_metric([self._run, kind], buckets, histogram.sum_seconds)
        return family
