from __future__ import annotations

import json
import subprocess
import sys

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


def test_ls_prints_the_ledger_of_each_group(command, server, queue):
    code, out, _ = command("queue", "ls", "--redis", server, "--run", "run-a")
    header, row, workers = out.splitlines()
    assert code == 0
    assert dict(zip(header.split()[1:], map(int, row.split()[1:]))) == dict(
        submitted=3, waiting=1, leased=0, done=1, dead=1, cancelled=0, duplicates=0
    )
    assert workers == "workers alive: 0"


def test_ls_prints_json(command, server, queue):
    _, out, _ = command("queue", "ls", "--redis", server, "--run", "run-a", "--json")
    assert json.loads(out)["groups"]["round_00.rollout"]["submitted"] == 3


def test_ls_of_a_run_that_is_not_there_says_so(command, server):
    code, out, _ = command("queue", "ls", "--redis", server, "--run", "nobody")
    assert code == 0 and "no tasks" in out


def test_dead_prints_each_error(command, server, queue):
    code, out, _ = command("queue", "dead", "--redis", server, "--run", "run-a")
    assert (
        code == 0 and "task-1  (1 attempts)" in out and "ZeroDivisionError" in out and "1 dead task\n" in out
    )
    _, out, _ = command("queue", "dead", "--redis", server, "--run", "run-a", "--json")
    assert [letter["task"] for letter in json.loads(out)] == ["task-1"]


def test_retry_puts_dead_tasks_back(command, server, queue):
    code, out, _ = command("queue", "retry", "--redis", server, "--run", "run-a")
    assert code == 0 and out.startswith("1 task")
    ledger = queue.ledger()
    assert (ledger.dead, ledger.waiting) == (0, 2)


def test_retry_of_nothing_is_harmless(command, server, queue):
    for _ in range(2):
        code, out, _ = command("queue", "retry", "--redis", server, "--run", "run-a")
    assert code == 0 and out.startswith("0 tasks")
    assert queue.ledger().done == 1


def test_retry_of_a_task_that_is_not_dead_is_refused(refused, server, queue):
    line = refused("queue", "retry", "--redis", server, "--run", "run-a", "task-0")
    assert "task-0" in line and "task-1" in line
    assert queue.ledger().dead == 1


def test_purge_deletes_nothing_unless_it_is_asked_twice(refused, command, server, queue):
    assert "--yes" in refused("queue", "purge", "--redis", server, "--run", "run-a")
    assert queue.ledger().submitted == 3
    assert command("queue", "purge", "--redis", server, "--run", "run-a", "--yes")[0] == 0
    assert queue.ledger().submitted == 0
    assert open_queue(server, "run-b").ledger().submitted == 1


def test_a_server_that_may_forget_tasks_is_refused(refused, server):
    script = "import sys; from potstill.queues.redis_connection import connect; "
    script += "connect(sys.argv[1]).exchange(('CONFIG SET', 'maxmemory-policy', sys.argv[2]))"
    for policy in ("allkeys-lru", "noeviction"):
        subprocess.run([sys.executable, "-c", script, server, policy], check=True, timeout=20)
        if policy == "allkeys-lru":
            assert "allkeys-lru, allowed: noeviction" in refused(
                "queue", "ls", "--redis", server, "--run", "run-a"
            )
