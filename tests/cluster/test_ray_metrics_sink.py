from __future__ import annotations

import pytest

from potstill.cluster import ray_metrics_sink
from potstill.cluster.ray_metrics_sink import RayMetricsSink
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.task import Task


@pytest.fixture
def gauges(monkeypatch):
    """Stands for Ray's: name -> {values of the labels: value}; a label that was not declared is an error as there."""
    kept = {}

    class Gauge:
        def __init__(self, name, description, tag_keys):
            assert description
            self._name, self._keys = name, tag_keys
            assert name not in kept
            kept[name] = {}

        def set(self, value, tags):
            assert set(tags) == set(self._keys)
            kept[self._name][tuple(tags[key] for key in self._keys)] = value

    monkeypatch.setattr(ray_metrics_sink, "Gauge", Gauge)
    return kept


def test_every_number_of_a_reading_becomes_a_gauge(gauges):
    now = [0.0]
    queue, sink = MemoryTaskQueue(clock=lambda: now[0]), RayMetricsSink("demo-1")
    queue.put([Task(id=f"t{n}", kind="rollout", group="g") for n in range(3)])
    sink.publish(queue.metrics())
    now[0] += 1.0
    lease = queue.lease(["rollout"], owner="w", lease_seconds=9, wait_seconds=0)[0]
    now[0] += 0.1
    queue.ack(lease)
    queue.publish_heartbeat("w", {"kind": "rollout", "units_per_second": 9.5}, ttl_seconds=9)
    sink.publish(queue.metrics())
    assert gauges["potstill_tasks"]["demo-1", "g", "waiting"] == 2
    assert gauges["potstill_tasks"]["demo-1", "g", "done"] == 1
    assert gauges["potstill_oldest_waiting_seconds"]["demo-1", "rollout"] == pytest.approx(1.1)
    assert gauges["potstill_wait_seconds"]["demo-1", "rollout", "0.99"] == 1.024
    assert gauges["potstill_work_seconds"]["demo-1", "rollout", "0.5"] == 0.128
    assert gauges["potstill_worker_units_per_second"]["demo-1", "w", "rollout"] == 9.5
    assert gauges["potstill_deliveries_total"]["demo-1",] == 1
