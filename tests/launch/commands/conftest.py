"""A Redis server with two runs on it."""

from __future__ import annotations

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture
def queue(server):
    """Three tasks of run-a: one done, one dead, one waiting; and one task of run-b."""
    queue = open_queue(server, "run-a", retry_backoff_seconds=0.01)
    queue.purge()
    queue.put(
        [Task(id=f"task-{n}", kind="rollout", group="round_00.rollout", max_attempts=1) for n in range(3)]
    )
    done, dead = queue.lease(["rollout"], owner="w", max_tasks=2, lease_seconds=30, wait_seconds=0)
    queue.ack(done, {"ok": 1})
    queue.fail(dead, "Traceback:\nZeroDivisionError: division by zero")
    other = open_queue(server, "run-b")
    other.purge()
    other.put([Task(id="task-0", kind="rollout", group="round_00.rollout")])
    return queue
