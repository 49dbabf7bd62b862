from __future__ import annotations

import pytest

from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.metrics_publisher import MetricsPublisher
from potstill.queues.task import Task


class Sink:
    def __init__(self):
        self.readings = []

    def publish(self, metrics):
        self.readings.append(metrics)


def test_a_reading_goes_to_every_sink_when_it_is_time():
    queue, sinks, now = MemoryTaskQueue(), [Sink(), Sink()], [7.0]
    publisher = MetricsPublisher(queue, sinks, every_seconds=5.0, clock=lambda: now[0])
    publisher.tick()
    queue.put([Task(id="t", kind="k", group="g")])
    now[0] += 4.9
    publisher.tick()
    now[0] += 0.2
    publisher.tick()
    for sink in sinks:
        assert [reading.ledger.submitted for reading in sink.readings] == [0, 1]


def test_without_sinks_the_queue_is_left_alone():
    MetricsPublisher(None, []).tick()


def test_a_pause_of_nothing_is_refused():
    with pytest.raises(ValueError, match="every_seconds must be positive: got 0"):
        MetricsPublisher(MemoryTaskQueue(), [], every_seconds=0)
