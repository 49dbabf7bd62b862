from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.prometheus_text import prometheus_text
from potstill.queues.task import Task


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def queue(now):
    queue = MemoryTaskQueue(clock=lambda: now[0])
    queue.put([Task(id=f"t{n}", kind="rollout", group="g", max_attempts=1) for n in range(5)])
    now[0] += 3.0
    done, dead, _ = queue.lease(["rollout"], owner="w", max_tasks=3, lease_seconds=30, wait_seconds=0)
    now[0] += 0.5
    queue.ack(done)
    queue.fail(dead, "boom")
    facts = {"kind": "render", "pid": 7, "busy_share": 0.5, "latency_p99_ms": 12.0, "tasks": ["t2"]}
    queue.publish_heartbeat('w-"1"', facts, ttl_seconds=60)
    return queue


def values(text):
    families = text_string_to_metric_families(text)
    return {
        (sample.name, *(value for key, value in sorted(sample.labels.items()) if key != "run")): sample.value
        for family in families
        for sample in family.samples
        if sample.labels["run"] == "demo-1"
    }


def test_a_scraper_reads_every_number(queue):
    found = values(prometheus_text(queue.metrics(), run="demo-1"))
    states = {state: found["potstill_tasks", "g", state] for state in ("waiting", "leased", "done", "dead")}
    assert states == {"waiting": 2, "leased": 1, "done": 1, "dead": 1}
    assert found["potstill_waiting_tasks", "rollout"] == 2
    assert found["potstill_oldest_waiting_seconds", "rollout"] == 3.5
    assert found["potstill_deliveries_total",] == 3
    assert found["potstill_failed_attempts_total",] == 1
    assert found["potstill_workers",] == 1
    assert found["potstill_worker_busy_share", "render", 'w-"1"'] == 0.5
    assert found["potstill_worker_latency_p99_ms", "render", 'w-"1"'] == 12.0
    assert not [name for name, *_ in found if "pid" in name]


def test_latencies_are_cumulative_histograms(queue):
    found = values(prometheus_text(queue.metrics(), run="demo-1"))
    assert found["potstill_wait_seconds_count", "rollout"] == 3
    assert found["potstill_wait_seconds_sum", "rollout"] == 9.0
    assert found["potstill_wait_seconds_bucket", "rollout", "2.048"] == 0
    assert found["potstill_wait_seconds_bucket", "rollout", "4.096"] == 3
    assert found["potstill_wait_seconds_bucket", "rollout", "+Inf"] == 3
    assert found["potstill_work_seconds_bucket", "rollout", "0.512"] == 1


def test_an_empty_queue_is_a_valid_page():
    found = values(prometheus_text(MemoryTaskQueue().metrics(), run="demo-1"))
    assert found["potstill_deliveries_total",] == 0
