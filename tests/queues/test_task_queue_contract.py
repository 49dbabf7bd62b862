from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from potstill.queues.errors import LeaseLostError, QueueFullError
from potstill.queues.task import Ledger, Task


def make_tasks(count, *, kind="rollout", group="round_00.rollout", start=0, **settings):
    return [
        Task(id=f"{group}.{i:04d}", kind=kind, group=group, payload={"index": i}, **settings)
        for i in range(start, start + count)
    ]


def take(queue, *kinds, owner="worker", lease_seconds=10.0, wait_seconds=0.0, max_tasks=1):
    kinds = kinds or ("rollout",)
    return queue.lease(
        kinds, owner=owner, max_tasks=max_tasks, lease_seconds=lease_seconds, wait_seconds=wait_seconds
    )


@pytest.fixture
def queue(backend):
    return backend.queue(retry_backoff_seconds=0.05)


def test_a_task_goes_from_waiting_to_done_and_the_ledger_follows(queue):
    assert queue.put(make_tasks(2)) == 2
    assert queue.ledger("round_00.rollout") == Ledger(submitted=2, waiting=2)
    lease = take(queue)[0]
    assert lease.task == make_tasks(1)[0]
    assert lease.attempt == 1
    assert queue.ledger("round_00.rollout") == Ledger(submitted=2, waiting=1, leased=1)
    queue.ack(lease, {"steps": 7, "frames": np.arange(3)})
    assert queue.ledger() == Ledger(submitted=2, waiting=1, done=1)
    assert queue.results("round_00.rollout")[lease.task.id]["steps"] == 7


def test_putting_an_id_twice_is_one_task(queue):
    assert queue.put(make_tasks(3)) == 3
    assert queue.put(make_tasks(4)) == 1
    assert queue.put([*make_tasks(1, start=9), *make_tasks(1, start=9)]) == 1
    assert queue.ledger().submitted == 5


def test_a_done_task_put_again_stays_done(queue):
    queue.put(make_tasks(1))
    queue.ack(take(queue)[0])
    assert queue.put(make_tasks(1)) == 0
    assert take(queue) == []


def test_higher_priority_comes_first_over_all_kinds_and_equals_come_in_order(queue):
    queue.put(make_tasks(3))
    queue.put(make_tasks(2, kind="evaluation", group="eval", priority=5))
    queue.put(make_tasks(1, start=3, priority=9))
    order = [take(queue, "rollout", "evaluation")[0].task.id for _ in range(6)]
    assert order == [
        "round_00.rollout.0003",
        "eval.0000",
        "eval.0001",
        "round_00.rollout.0000",
        "round_00.rollout.0001",
        "round_00.rollout.0002",
    ]


def test_a_worker_gets_only_the_kinds_it_asks_for(queue):
    queue.put(make_tasks(2))
    assert take(queue, "training") == []


def test_a_worker_must_ask_for_some_kind(queue):
    with pytest.raises(ValueError, match="at least one kind"):
        queue.lease([], owner="w", lease_seconds=1, wait_seconds=0)


def test_a_batch_lease_takes_what_is_there(queue):
    queue.put(make_tasks(5))
    leases = take(queue, max_tasks=3)
    assert [lease.task.payload["index"] for lease in leases] == [0, 1, 2]
    assert len({lease.fence for lease in leases}) == 3
    assert len(take(queue, max_tasks=10)) == 2


def test_an_expired_lease_goes_to_another_worker_at_its_old_place(backend, queue):
    queue.put(make_tasks(2))
    first = take(queue, lease_seconds=0.1)[0]
    backend.sleep(0.1)
    second = take(queue, owner="other")[0]
    assert second.task.id == first.task.id
    assert second.attempt == 2
    assert second.fence > first.fence


def test_a_zombie_cannot_acknowledge_extend_or_fail(backend, queue):
    queue.put(make_tasks(1))
    zombie = take(queue, lease_seconds=0.1)[0]
    backend.sleep(0.1)
    holder = take(queue, owner="other")[0]
    with pytest.raises(LeaseLostError, match="worker no longer holds"):
        queue.ack(zombie, {"from": "zombie"})
    with pytest.raises(LeaseLostError):
        queue.fail(zombie, "too late")
    assert queue.extend([zombie, holder], lease_seconds=10) == [False, True]
    queue.release(zombie)
    queue.ack(holder, {"from": "holder"})
    with pytest.raises(LeaseLostError):
        queue.ack(zombie)
    assert queue.results("round_00.rollout") == {holder.task.id: {"from": "holder"}}
    assert queue.ledger() == Ledger(submitted=1, done=1, duplicates=2)


def test_an_expired_lease_is_lost_even_before_anybody_reaps_it(backend, queue):
    queue.put(make_tasks(1))
    lease = take(queue, lease_seconds=0.1)[0]
    backend.sleep(0.1)
    assert queue.extend([lease], lease_seconds=10) == [False]
    with pytest.raises(LeaseLostError):
        queue.ack(lease)
    assert queue.reap_expired() == 1
    assert queue.reap_expired() == 0
    assert queue.ledger() == Ledger(submitted=1, waiting=1, duplicates=1)


def test_repeating_ones_own_ack_or_failure_is_harmless(queue):
    queue.put(make_tasks(2))
    one, two = take(queue, max_tasks=2)
    queue.ack(one, {"x": 1})
    queue.ack(one, {"x": 2})
    queue.fail(two, "broken")
    queue.fail(two, "broken")
    assert queue.results("round_00.rollout") == {one.task.id: {"x": 1}}
    assert queue.ledger() == Ledger(submitted=2, done=1, waiting=1)


def test_an_extended_lease_outlives_its_first_deadline(backend, queue):
    queue.put(make_tasks(1))
    lease = take(queue, lease_seconds=0.5)[0]
    assert queue.extend([lease], lease_seconds=10) == [True]
    backend.sleep(0.5)
    assert queue.reap_expired() == 0
    queue.ack(lease)
    assert queue.ledger().done == 1


def test_a_failed_task_backs_off_longer_each_time_and_then_is_a_dead_letter(backend, queue):
    queue.put(make_tasks(1, max_attempts=3))
    for attempt, backoff in ((1, 0.05), (2, 0.1)):
        lease = take(queue)[0]
        assert lease.attempt == attempt
        queue.fail(lease, f"Traceback {attempt}")
        assert take(queue) == []
        assert queue.depth() == {"rollout": 1}
        backend.sleep(backoff)
    queue.fail(take(queue)[0], "Traceback 3: ValueError: poison")
    assert queue.ledger() == Ledger(submitted=1, dead=1)
    letter = queue.dead_letters()[0]
    assert letter.attempts == 3
    assert letter.error == "Traceback 3: ValueError: poison"
    assert letter.task == make_tasks(1, max_attempts=3)[0]
    assert queue.dead_letters("round_00.rollout") == [letter]
    assert queue.dead_letters("other") == []


def test_a_failure_without_retry_is_dead_at_once(queue):
    queue.put(make_tasks(1))
    queue.fail(take(queue)[0], "bad input", retry=False)
    assert queue.ledger() == Ledger(submitted=1, dead=1)


def test_crashes_count_as_attempts_until_the_task_is_dead(backend, queue):
    queue.put(make_tasks(1, max_attempts=2))
    for _ in range(2):
        assert len(take(queue, owner="crasher", lease_seconds=0.05)) == 1
        backend.sleep(0.05)
    assert take(queue) == []
    assert queue.ledger() == Ledger(submitted=1, dead=1)
    assert queue.dead_letters()[0].error == "lease expired (worker crasher died or hung)"


def test_a_released_task_keeps_its_attempts_and_its_place(queue):
    queue.put(make_tasks(2, max_attempts=1))
    lease = take(queue)[0]
    queue.release(lease)
    queue.release(lease)
    again = take(queue)[0]
    assert (again.task.id, again.attempt) == (lease.task.id, 1)
    assert queue.ledger() == Ledger(submitted=2, waiting=1, leased=1)


def test_cancelling_a_group_takes_waiting_backing_off_and_leased_tasks(queue):
    queue.put(make_tasks(4) + make_tasks(1, group="other"))
    done, failed, leased = take(queue, max_tasks=3)
    queue.ack(done)
    queue.fail(failed, "again")
    assert queue.cancel("round_00.rollout") == 3
    assert queue.cancel("round_00.rollout") == 0
    assert queue.ledger("round_00.rollout") == Ledger(submitted=4, done=1, cancelled=3)
    assert queue.extend([leased], lease_seconds=10) == [False]
    with pytest.raises(LeaseLostError, match="cancelled"):
        queue.ack(leased)
    assert [lease.task.group for lease in take(queue, max_tasks=9)] == ["other"]


def test_adopted_work_is_done_whether_known_or_not(queue):
    queue.put(make_tasks(2))
    holder = take(queue)[0]
    tasks = make_tasks(3)
    assert queue.adopt(tasks, [{"i": i} for i in range(3)]) == 3
    assert queue.adopt(tasks, [{"i": 9}] * 3) == 0
    assert queue.ledger("round_00.rollout") == Ledger(submitted=3, done=3)
    assert queue.results("round_00.rollout") == {task.id: {"i": i} for i, task in enumerate(tasks)}
    with pytest.raises(LeaseLostError):
        queue.ack(holder)
    assert queue.put(tasks) == 0


def test_revived_tasks_wait_again_with_fresh_attempts_and_their_payload(queue):
    queue.put(make_tasks(4, max_attempts=1))
    done, dead, cancelled = take(queue, max_tasks=3)
    queue.ack(done, {"x": 1})
    queue.fail(dead, "boom")
    queue.cancel("round_00.rollout")
    ids = [lease.task.id for lease in (done, dead, cancelled)]
    assert queue.revive([*ids, "unknown"]) == 3
    assert queue.revive(ids) == 0
    assert queue.results("round_00.rollout") == {}
    assert queue.dead_letters() == []
    leases = take(queue, max_tasks=9)
    assert [(lease.task.id, lease.attempt) for lease in leases] == [(name, 1) for name in ids]
    assert leases[0].task.payload == {"index": 0}
    assert queue.ledger() == Ledger(submitted=4, leased=3, cancelled=1)


def test_a_bounded_queue_refuses_when_full(backend):
    queue = backend.queue(max_waiting=3)
    with pytest.raises(QueueFullError, match="2 tasks not accepted: 3 are waiting"):
        queue.put(make_tasks(5))
    assert queue.ledger().waiting == 3
    take(queue, max_tasks=2)
    assert queue.put(make_tasks(5)) == 2


def test_a_producer_blocks_until_there_is_room(backend):
    queue = backend.queue(max_waiting=2)
    produced = []
    producer = threading.Thread(target=lambda: produced.append(queue.put(make_tasks(6), wait_seconds=10)))
    producer.start()
    seen = []
    while len(seen) < 6:
        assert queue.ledger().waiting <= 2
        for lease in take(queue, wait_seconds=5):
            queue.ack(lease)
            seen.append(lease.task.payload["index"])
    producer.join(5)
    assert produced == [6]
    assert seen == list(range(6))


def test_a_blocked_worker_wakes_as_soon_as_a_task_is_put(queue):
    taken = []

    def work():
        taken.extend(take(queue, wait_seconds=10))
        taken.append(time.monotonic())

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.2)
    put_at = time.monotonic()
    queue.put(make_tasks(1))
    worker.join(5)
    assert taken[0].task.id == "round_00.rollout.0000"
    assert taken[1] - put_at < 0.5


def test_a_blocked_worker_gets_the_task_of_an_expired_lease(queue):
    queue.put(make_tasks(1))
    take(queue, owner="dead", lease_seconds=0.2)
    started = time.monotonic()
    lease = take(queue, wait_seconds=10)[0]
    assert lease.attempt == 2
    assert time.monotonic() - started < 1.5


def test_a_blocked_worker_gets_a_task_when_its_backoff_ends(queue):
    queue.put(make_tasks(1))
    queue.fail(take(queue)[0], "once more")
    started = time.monotonic()
    assert take(queue, wait_seconds=10)[0].attempt == 2
    assert time.monotonic() - started < 1.0


def test_waiting_in_vain_ends_on_time(queue):
    started = time.monotonic()
    assert take(queue, wait_seconds=0.2) == []
    assert 0.15 < time.monotonic() - started < 1.0


def test_gather_returns_when_the_last_task_settles(queue):
    queue.put(make_tasks(2, max_attempts=1))
    one, two = take(queue, max_tasks=2)
    ledgers = []
    gatherers = [
        threading.Thread(target=lambda: ledgers.append(queue.gather("round_00.rollout", wait_seconds=10)))
        for _ in range(3)
    ]
    for gatherer in gatherers:
        gatherer.start()
    queue.ack(one)
    time.sleep(0.1)
    assert ledgers == []
    settled_at = time.monotonic()
    queue.fail(two, "boom")
    for gatherer in gatherers:
        gatherer.join(5)
    assert time.monotonic() - settled_at < 0.8
    assert ledgers == [Ledger(submitted=2, done=1, dead=1)] * 3


def test_gather_reaps_the_leases_of_dead_workers(queue):
    queue.put(make_tasks(1, max_attempts=1))
    take(queue, owner="crasher", lease_seconds=0.1)
    assert queue.gather("round_00.rollout", wait_seconds=5).dead == 1


def test_gather_gives_up_on_time_with_the_ledger_as_it_stands(queue):
    queue.put(make_tasks(1))
    ledger = queue.gather("round_00.rollout", wait_seconds=0.1)
    assert ledger == Ledger(submitted=1, waiting=1)
    assert not ledger.settled
    assert queue.gather("never-submitted", wait_seconds=5).settled


def test_a_settled_group_that_gets_more_work_is_gathered_anew(queue):
    queue.put(make_tasks(1))
    queue.ack(take(queue)[0])
    assert queue.gather("round_00.rollout", wait_seconds=5).settled
    queue.put(make_tasks(2))
    assert not queue.gather("round_00.rollout", wait_seconds=0.1).settled


def test_groups_and_depth_list_what_there_is(queue):
    assert queue.groups() == []
    queue.put(make_tasks(2) + make_tasks(3, kind="evaluation", group="eval"))
    take(queue)
    assert queue.groups() == ["eval", "round_00.rollout"]
    assert queue.depth() == {"evaluation": 3, "rollout": 1}


def test_a_heartbeat_is_fresh_until_its_time_to_live_ends(backend, queue):
    queue.publish_heartbeat("a", {"kind": "rollout", "pid": 7}, ttl_seconds=0.1)
    queue.publish_heartbeat("b", {"kind": "render"}, ttl_seconds=30)
    assert queue.workers() == {"a": {"kind": "rollout", "pid": 7}, "b": {"kind": "render"}}
    backend.sleep(0.1)
    assert queue.workers() == {"b": {"kind": "render"}}


def test_payloads_are_copies_with_arrays_intact(queue):
    payload = {"state": np.arange(6, dtype=">f4").reshape(2, 3), "raw": b"\x00\xff", "none": None}
    queue.put([Task(id="t", kind="rollout", group="g", payload=payload)])
    payload["state"][:] = 0
    got = take(queue)[0].task.payload
    assert got["state"].dtype == np.dtype(">f4")
    assert got["state"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (got["raw"], got["none"]) == (b"\x00\xff", None)


def test_purge_forgets_everything(queue):
    queue.put(make_tasks(300))
    take(queue)
    queue.purge()
    assert queue.ledger() == Ledger()
    assert queue.groups() == []
    assert queue.put(make_tasks(1)) == 1


def test_many_workers_and_crashes_still_count_each_task_once(queue):
    total, counted, lock = 60, [], threading.Lock()
    queue.put(make_tasks(total, max_attempts=50))

    def work(index):
        rng = np.random.default_rng(index)
        while not queue.ledger("round_00.rollout").settled:
            for lease in take(queue, owner=f"w{index}", lease_seconds=0.5, wait_seconds=0.1, max_tasks=2):
                draw = rng.random()
                if draw < 0.1:
                    continue  # crashed: never heard of again
                try:
                    if draw < 0.2:
                        queue.fail(lease, "unlucky")
                        continue
                    queue.ack(lease, {"by": index})
                except LeaseLostError:
                    continue  # a busy machine was slower than the lease
                with lock:
                    counted.append(lease.task.id)

    workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert queue.ledger() == Ledger(submitted=total, done=total)
    assert len(queue.results("round_00.rollout")) == total
    assert len(counted) == len(set(counted)) == total


def test_a_batch_is_acknowledged_at_once_and_each_lost_lease_is_told(backend, queue):
    queue.put(make_tasks(4))
    zombie = take(queue, lease_seconds=0.1)[0]
    backend.sleep(0.1)
    leases = take(queue, max_tasks=4)
    done = [(lease, {"index": index}) for index, lease in enumerate(leases)]
    assert queue.ack_many([*done[:2], (zombie, {}), *done[2:], done[0]]) == [
        True,
        True,
        False,
        True,
        True,
        True,
    ]
    assert queue.ledger() == Ledger(submitted=4, done=4, duplicates=1)
    assert queue.results("round_00.rollout") == {lease.task.id: result for lease, result in done}
    assert queue.ack_many([]) == []


def test_a_worker_acknowledges_and_takes_the_next_task_in_one_call(queue):
    queue.put(make_tasks(2))
    terms = {"owner": "w", "lease_seconds": 10.0, "wait_seconds": 0.0}
    counted, (first,) = queue.acknowledge_and_lease([], ["rollout"], **terms)
    assert counted == []
    counted, (second,) = queue.acknowledge_and_lease([(first, {"x": 1})], ["rollout"], **terms)
    assert counted == [True]
    assert second.task.id == "round_00.rollout.0001"
    assert queue.acknowledge_and_lease([(second, {})], ["rollout"], **terms) == ([True], [])
    assert queue.gather("round_00.rollout", wait_seconds=0) == Ledger(submitted=2, done=2)
