"""What a finished task costs, and that forgetting gives it back."""

from __future__ import annotations

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.open_queue import open_queue
from potstill.queues.redis_connection import connect
from potstill.queues.task import Task

TASKS = 1000
#: A done task keeps its payload, its result and this (docs/queue.md). Measured 1,080.
OVERHEAD_BYTES = 1300
PAYLOAD, RESULT = {"raw": bytes(200)}, {"index": 1, "success": True, "steps": 100, "return": 3.5}


@pytest.fixture
def run(tmp_path):
    """A server of its own: what it uses is this run's."""
    with EmbeddedRedis(tmp_path) as server:
        connection = connect(server.url)

        def used_bytes():
            stats = connection.exchange(("MEMORY", "STATS"))[0]
            return dict(zip(stats[::2], stats[1::2], strict=True))[b"total.allocated"]

        queue = open_queue(server.url, "run")
        do_group(queue, "warm-up", 10)
        yield queue, used_bytes


def do_group(queue, group, count):
    queue.put([Task(id=f"{group}.{n:05d}", kind="k", group=group, payload=PAYLOAD) for n in range(count)])
    while leases := queue.lease(["k"], owner="w", max_tasks=100, lease_seconds=30, wait_seconds=0):
        queue.ack_many([(lease, RESULT) for lease in leases])


def test_a_finished_task_keeps_its_payload_its_result_and_a_stated_number_of_bytes(run):
    queue, used_bytes = run
    before = used_bytes()
    do_group(queue, "round_00.rollout", TASKS)
    assert (used_bytes() - before) / TASKS < 200 + 60 + OVERHEAD_BYTES
    assert len(queue.results("round_00.rollout")) == TASKS


def test_forgotten_rounds_leave_nothing_however_many_there_were(run):
    queue, used_bytes = run
    do_group(queue, "round", TASKS)
    queue.forget("round")
    before = used_bytes()
    for number in range(6):
        do_group(queue, f"round_{number:02d}", TASKS)
        assert queue.forget(f"round_{number:02d}") == TASKS
    # Less than a hundredth of what 6,000 tasks would keep.
    assert used_bytes() - before < 0.01 * 6 * TASKS * (260 + OVERHEAD_BYTES)
    assert queue.groups() == ["warm-up"]
