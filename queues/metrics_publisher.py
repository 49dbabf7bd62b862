"""Hands a reading of the queue to whoever watches it, now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from potstill.queues.queue_metrics import QueueMetrics
from potstill.queues.task_queue import TaskQueue


class MetricsSink(Protocol):
    """Where readings go, e.g. the metrics of a Ray cluster."""

    def publish(self, metrics: QueueMetrics) -> None:
        """Take one reading; quick, and never the reason that a run fails."""


class MetricsPublisher:
    """Reads the queue at most every ``every_seconds``, whenever ``tick`` is called.

    Args:
        queue: What is read.
        sinks: Who gets it.
        every_seconds: Between two readings; positive.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        queue: TaskQueue,
        sinks: Sequence[MetricsSink],
        *,
        every_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if every_seconds <= 0:
            raise ValueError(f"every_seconds must be positive: got {every_seconds}")
        self._queue = queue
        self._sinks = list(sinks)
        self._every_seconds = every_seconds
        self._clock = clock
        self._next = clock()

    def tick(self) -> None:
        """Publish a reading when it is time."""
        if self._sinks and self._clock() >= self._next:
            self._next = self._clock() + self._every_seconds
            metrics = self._queue.metrics()
            for sink in self._sinks:
                sink.publish(metrics)
