from __future__ import annotations

import pytest

from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.task import Task


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def queue(now):
    queue = MemoryTaskQueue(clock=lambda: now[0])
    queue.put([Task(id=name, kind="k", group=name) for name in ("a", "b")])
    return queue


def test_held_leases_live_as_long_as_lost_is_asked_in_time(queue, now):
    a, b = queue.lease(["k"], owner="w", max_tasks=2, lease_seconds=10, wait_seconds=0)
    with MemoryLeaseKeeper(queue, lease_seconds=10, owner="w", facts={"kind": "rollout"}) as keeper:
        keeper.hold(a)
        keeper.hold(b)
        keeper.drop(b)
        keeper.report({"rate": 2})
        for _ in range(3):
            now[0] += 9
            assert keeper.lost() == frozenset()
        assert queue.reap_expired() == 1
        assert queue.workers() == {"w": {"kind": "rollout", "rate": 2, "tasks": ["a"]}}
        queue.ack(a)


def test_a_lease_not_extended_in_time_is_lost(queue, now):
    (a,) = queue.lease(["k"], owner="w", lease_seconds=10, wait_seconds=0)
    with MemoryLeaseKeeper(queue, lease_seconds=10, owner="w", facts={}) as keeper:
        keeper.hold(a)
        now[0] += 10
        assert keeper.lost() == {"a"}
