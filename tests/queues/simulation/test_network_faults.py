"""The real client over a wire that loses, cuts, delays and goes silent."""

from __future__ import annotations

import time

import pytest
from simulation.faulty_proxy import FAULTS, FaultyProxy
from simulation.index_errors import index_errors

from potstill.queues.errors import LeaseLostError
from potstill.queues.open_queue import open_queue
from potstill.queues.redis_connection import connect
from potstill.queues.task import Ledger, Task

TASKS = 200


@pytest.fixture
def proxy(redis_url, tmp_path):
    proxy = FaultyProxy(tmp_path / "proxy.sock", redis_url.removeprefix("unix://"), rate=0.0, seed=0)
    yield proxy
    proxy.close()


def test_over_a_wire_that_breaks_every_few_requests_each_task_is_counted_once(proxy, redis_url, run_name):
    queue = open_queue(proxy.url, run_name)
    proxy.rate = 0.4
    tasks = [Task(id=f"t{i}", kind="k", group="g", max_attempts=99) for i in range(TASKS)]
    for start in range(0, TASKS, 8):
        queue.put(tasks[start : start + 8])
    counted = []
    while not queue.gather("g", wait_seconds=0.0).settled:
        for lease in queue.lease(["k"], owner="w", max_tasks=4, lease_seconds=0.5, wait_seconds=0.2):
            try:
                queue.ack(lease, {"fence": lease.fence})
            except LeaseLostError:
                continue
            counted.append(lease.task.id)
    proxy.rate = 0.0
    ledger = queue.ledger()
    assert (ledger.submitted, ledger.done) == (TASKS, TASKS)
    assert sorted(counted) == sorted(task.id for task in tasks) == sorted(queue.results("g"))
    assert index_errors(connect(redis_url), run_name) == []
    assert all(proxy.counts[fault] >= 20 for fault in FAULTS)


def test_an_answer_that_never_comes_is_asked_for_again(proxy, run_name):
    queue = open_queue(proxy.url, run_name)
    queue.put([Task(id="t", kind="k", group="g")])
    (lease,) = queue.lease(["k"], owner="w", lease_seconds=60, wait_seconds=0)
    proxy.swallow_next_answer = True
    started = time.monotonic()
    queue.ack(lease)
    assert 1 < time.monotonic() - started < 20
    assert proxy.counts["half-open"] == 1
    assert queue.ledger() == Ledger(submitted=1, done=1)
