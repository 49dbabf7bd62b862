"""The queue's metrics among those of the Ray cluster: in its dashboard, and where its Prometheus looks."""

from __future__ import annotations

from ray.util.metrics import Gauge

from potstill.queues.metric_sample import metric_samples
from potstill.queues.queue_metrics import KindMetrics, QueueMetrics


class RayMetricsSink:
    """``MetricsSink``: one Ray gauge per number, labelled with the run; latencies as their median and 99th percentile.

    Ray must be running. Ray's counters only take increments, so numbers that only grow are gauges here too.

    Args:
        run: The label.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._gauges: dict[str, Gauge] = {}

    def publish(self, metrics: QueueMetrics) -> None:
        """Set every gauge."""
        for sample in metric_samples(metrics):
            self._set(sample.name, sample.meaning, sample.value, **sample.labels)
        for kind, facts in metrics.kinds.items():
            self._set_latencies(kind, facts)

    def _set_latencies(self, kind: str, facts: KindMetrics) -> None:
        for name, meaning, histogram in (
            ("wait", "from submission to first delivery", facts.waited),
            ("work", "from last delivery to acknowledgement", facts.worked),
        ):
            for share in (0.5, 0.99):
                seconds = histogram.quantile(share)
                self._set(f"potstill_{name}_seconds", meaning, seconds, kind=kind, quantile=str(share))

    def _set(self, name: str, meaning: str, value: float, **labels: str) -> None:
        if name not in self._gauges:
            self._gauges[name] = Gauge(name, meaning, tag_keys=("run", *labels))
        self._gauges[name].set(value, {"run": self._run, **labels})
