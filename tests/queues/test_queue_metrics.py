from __future__ import annotations

import pytest

from potstill.queues.task import Ledger, Task


def make_tasks(count, *, kind="rollout", group="g", start=0, **settings):
    return [
        Task(id=f"{group}.{i}", kind=kind, group=group, payload={"i": i}, **settings)
        for i in range(start, start + count)
    ]


def take(queue, *kinds, max_tasks=1, lease_seconds=10.0):
    kinds = kinds or ("rollout",)
    return queue.lease(kinds, owner="w", max_tasks=max_tasks, lease_seconds=lease_seconds, wait_seconds=0.0)


@pytest.fixture
def queue(backend):
    return backend.queue(retry_backoff_seconds=5.0)


def test_an_empty_queue_has_nothing_to_measure(queue):
    metrics = queue.metrics()
    assert metrics.ledger == Ledger()
    assert (metrics.groups, metrics.kinds, metrics.workers) == ({}, {}, {})
    assert (metrics.backing_off, metrics.deliveries, metrics.failures, metrics.expiries) == (0, 0, 0, 0)


def test_depth_flight_attempts_and_workers_are_in_one_reading(backend, queue):
    queue.put(make_tasks(4) + make_tasks(2, kind="evaluation", group="e", priority=5))
    crashed = take(queue, lease_seconds=0.05)
    backend.sleep(0.05)
    again, failed, done = take(queue, max_tasks=3)
    assert again.task.id == crashed[0].task.id
    queue.fail(failed, "boom")
    queue.ack(done)
    queue.publish_heartbeat("w", {"kind": "rollout", "units_per_second": 7.0}, ttl_seconds=60)
    metrics = queue.metrics()
    assert metrics.ledger == queue.ledger()
    assert metrics.groups == {group: queue.ledger(group) for group in ("e", "g")}
    assert {kind: facts.waiting for kind, facts in metrics.kinds.items()} == {"evaluation": 2, "rollout": 2}
    assert (metrics.backing_off, metrics.deliveries, metrics.failures, metrics.expiries) == (1, 4, 1, 1)
    assert metrics.workers == {"w": {"kind": "rollout", "units_per_second": 7.0}}


def test_the_age_is_that_of_the_oldest_ready_task_of_any_priority(backend, queue):
    queue.put(make_tasks(1))
    backend.sleep(0.3)
    queue.put(make_tasks(1, start=1, priority=9))
    assert 0.3 <= queue.metrics().kinds["rollout"].oldest_seconds < 1.5
    urgent, _ = take(queue, max_tasks=2)
    assert queue.metrics().kinds["rollout"].oldest_seconds == 0.0
    queue.release(urgent)
    assert queue.metrics().kinds["rollout"].oldest_seconds < 1.2


def test_a_task_that_backs_off_is_not_the_oldest_ready_one(queue):
    queue.put(make_tasks(1))
    queue.fail(take(queue)[0], "boom")
    assert queue.metrics().kinds["rollout"].oldest_seconds == 0.0


def test_latencies_are_counted_in_buckets(backend, queue):
    queue.put(make_tasks(3))
    backend.sleep(0.2)
    leases = take(queue, max_tasks=3)
    backend.sleep(0.4)
    for lease in leases:
        queue.ack(lease)
    rollout = queue.metrics().kinds["rollout"]
    assert rollout.waited.count == rollout.worked.count == 3
    assert 0.6 <= rollout.waited.sum_seconds < 3
    assert 1.2 <= rollout.worked.sum_seconds < 5
    assert 0.25 <= rollout.waited.quantile(0.5) <= 1.1
    assert 0.5 <= rollout.worked.quantile(0.99) <= 2.1


def test_waiting_is_counted_once_per_task_however_often_it_is_delivered(backend, queue):
    queue.put(make_tasks(1))
    take(queue, lease_seconds=0.05)
    backend.sleep(0.05)
    take(queue)
    assert queue.metrics().kinds["rollout"].waited.count == 1


def test_a_forgotten_group_leaves_no_trace_but_the_tallies(queue):
    queue.put(make_tasks(4, max_attempts=1) + make_tasks(1, group="other"))
    done, dead = take(queue, max_tasks=2)
    queue.ack(done, {"x": 1})
    queue.fail(dead, "boom")
    with pytest.raises(ValueError, match="group g has tasks that are waiting or leased"):
        queue.forget("g")
    queue.cancel("g")
    assert queue.forget("g") == 4
    assert queue.forget("g") == 0
    assert queue.groups() == ["other"]
    assert queue.ledger() == Ledger(submitted=1, waiting=1)
    assert (queue.ledger("g"), queue.results("g"), queue.dead_letters()) == (Ledger(), {}, [])
    assert queue.metrics().deliveries == 2
    assert queue.put(make_tasks(4)) == 4


def test_a_revived_task_is_forgotten_with_its_group_like_any_other(queue):
    queue.put(make_tasks(2))
    queue.cancel("g")
    assert queue.revive(["g.0"]) == 1
    queue.ack(take(queue)[0])
    assert queue.forget("g") == 2


def test_single_tasks_are_cancelled(queue):
    queue.put(make_tasks(4))
    done, leased = take(queue, max_tasks=2)
    queue.ack(done)
    assert queue.cancel_tasks([done.task.id, leased.task.id, "g.3", "g.3", "unknown"]) == 2
    assert queue.ledger("g") == Ledger(submitted=4, waiting=1, done=1, cancelled=2)
    assert queue.extend([leased], lease_seconds=10) == [False]
    assert [lease.task.id for lease in take(queue, max_tasks=9)] == ["g.2"]
