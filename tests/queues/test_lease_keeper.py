from __future__ import annotations

import os
import signal
import threading
import time
import traceback

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.errors import LeaseLostError, QueueUnavailableError
from potstill.queues.lease_keeper import LeaseKeeper
from potstill.queues.open_queue import open_queue
from potstill.queues.task import Ledger, Task

LEASE_SECONDS = 1.0

# Leases one task under a keeper, then does what its last argument says.
WORKER = """
import os, sys, time, ctypes
from potstill.queues.errors import LeaseLostError
from potstill.queues.lease_keeper import LeaseKeeper
from potstill.queues.open_queue import open_queue
url, run, lease_seconds, work = sys.argv[1:]
lease_seconds = float(lease_seconds)
queue = open_queue(url, run)
owner = f"worker-{os.getpid()}"
with LeaseKeeper(url, run, lease_seconds=lease_seconds, owner=owner, facts={"pid": os.getpid()}) as keeper:
    (lease,) = queue.lease(["k"], owner=owner, lease_seconds=lease_seconds, wait_seconds=10)
    keeper.hold(lease)
    print("holds", keeper._process.pid, flush=True)
    exec(work)
    print("lost" if keeper.lost() else "held", flush=True)
    try:
        queue.ack(lease, {"pid": os.getpid()})
    except LeaseLostError:
        print("fenced", flush=True)
    else:
        print("acknowledged", flush=True)
"""


@pytest.fixture
def queue(redis_url, run_name):
    queue = open_queue(redis_url, run_name, retry_backoff_seconds=0.05)
    queue.put([Task(id="t", kind="k", group="g")])
    return queue


@pytest.fixture
def start_worker(redis_url, run_name, spawn):
    def start(work):
        worker = spawn(WORKER, redis_url, run_name, str(LEASE_SECONDS), work)
        word, heart = worker.stdout.readline().split()
        assert word == "holds"
        worker.heart = int(heart)
        return worker

    return start


def take(queue, wait_seconds):
    return queue.lease(["k"], owner="other", lease_seconds=30, wait_seconds=wait_seconds)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # An orphan that nobody has reaped yet is gone too.
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "Z"


def test_a_killed_worker_loses_its_task_within_the_lease_and_its_heart_stops(queue, start_worker):
    worker = start_worker("time.sleep(60)")
    time.sleep(1.5 * LEASE_SECONDS)
    assert queue.ledger().leased == 1
    worker.kill()
    killed = time.monotonic()
    (lease,) = take(queue, wait_seconds=10)
    assert lease.attempt == 2
    # One lease, and what a busy machine adds.
    assert time.monotonic() - killed < LEASE_SECONDS + 1.0
    worker.wait()
    assert is_gone(worker.heart)


def test_a_worker_that_holds_the_gil_for_three_leases_is_executed_once(queue, start_worker):
    # PyDLL keeps the GIL during the call: no thread of the worker runs meanwhile.
    worker = start_worker("ctypes.PyDLL(None).usleep(int(3e6 * lease_seconds))")
    assert take(queue, wait_seconds=2.5 * LEASE_SECONDS) == []
    assert worker.stdout.readline() == "held\n"
    assert worker.stdout.readline() == "acknowledged\n"
    assert queue.ledger() == Ledger(submitted=1, done=1)


def test_a_worker_stopped_past_its_lease_is_fenced(queue, start_worker):
    worker = start_worker("sys.stdin.readline()")
    os.kill(worker.pid, signal.SIGSTOP)
    (lease,) = take(queue, wait_seconds=10)
    queue.ack(lease, {"by": "other"})
    os.kill(worker.pid, signal.SIGCONT)
    time.sleep(LEASE_SECONDS / 2)
    worker.stdin.write("go on\n")
    worker.stdin.flush()
    assert worker.stdout.readline() == "lost\n"
    assert worker.stdout.readline() == "fenced\n"
    assert queue.results("g") == {"t": {"by": "other"}}
    assert queue.ledger() == Ledger(submitted=1, done=1, duplicates=1)


def test_a_briefly_stopped_worker_keeps_its_lease(queue, start_worker):
    worker = start_worker("sys.stdin.readline()")
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(0.3 * LEASE_SECONDS)
    os.kill(worker.pid, signal.SIGCONT)
    assert take(queue, wait_seconds=1.5 * LEASE_SECONDS) == []
    worker.stdin.write("go on\n")
    worker.stdin.flush()
    assert worker.stdout.readline() == "held\n"


def test_the_heartbeat_shows_the_worker_and_goes_stale_with_it(redis_url, run_name, queue):
    with LeaseKeeper(redis_url, run_name, lease_seconds=0.6, owner="w", facts={"kind": "rollout"}) as keeper:
        keeper.hold(queue.lease(["k"], owner="w", lease_seconds=0.6, wait_seconds=0)[0])
        keeper.report({"rate": 2.5})
        time.sleep(0.5)
        assert queue.workers() == {"w": {"kind": "rollout", "rate": 2.5, "tasks": ["t"]}}
    time.sleep(0.7)
    assert queue.workers() == {}


def test_only_the_lost_lease_is_reported_and_a_new_one_of_the_same_task_is_not(redis_url, run_name, queue):
    queue.put([Task(id="u", kind="k", group="h")])
    with LeaseKeeper(redis_url, run_name, lease_seconds=0.6, owner="w", facts={}) as keeper:
        leases = queue.lease(["k"], owner="w", max_tasks=2, lease_seconds=5, wait_seconds=0)
        for lease in leases:
            keeper.hold(lease)
        assert keeper.lost() == frozenset()
        queue.cancel("g")
        time.sleep(0.5)
        assert keeper.lost() == {"t"}
        queue.revive(["t"])
        keeper.hold(queue.lease(["k"], owner="w", lease_seconds=5, wait_seconds=0)[0])
        time.sleep(0.5)
        assert keeper.lost() == frozenset()


def test_a_dropped_lease_is_extended_no_more(redis_url, run_name, queue):
    with LeaseKeeper(redis_url, run_name, lease_seconds=0.6, owner="w", facts={}) as keeper:
        lease = queue.lease(["k"], owner="w", lease_seconds=0.6, wait_seconds=0)[0]
        keeper.hold(lease)
        time.sleep(0.8)
        assert queue.reap_expired() == 0
        keeper.drop(lease)
        keeper.drop(lease)
        time.sleep(0.8)
        assert queue.reap_expired() == 1


def test_when_the_heartbeat_process_dies_everything_held_counts_as_lost(redis_url, run_name, queue):
    with LeaseKeeper(redis_url, run_name, lease_seconds=5, owner="w", facts={}) as keeper:
        lease = queue.lease(["k"], owner="w", lease_seconds=5, wait_seconds=0)[0]
        keeper.hold(lease)
        os.kill(keeper._process.pid, signal.SIGKILL)
        keeper._process.wait()
        assert keeper.lost() == {"t"}
        with pytest.raises(QueueUnavailableError, match="heartbeat process has died"):
            keeper.hold(lease)


def test_an_unreachable_server_is_said_and_the_url_is_in_no_command_line(redis_url, run_name, tmp_path):
    with pytest.raises(QueueUnavailableError, match="cannot be reached"):
        LeaseKeeper(f"unix://{tmp_path}/none?password=pw-x7", run_name, lease_seconds=1, owner="w", facts={})
    with LeaseKeeper(redis_url + "?db=0", run_name, lease_seconds=1, owner="w", facts={}) as keeper:
        for name in ("cmdline", "environ"):
            with open(f"/proc/{keeper._process.pid}/{name}", "rb") as file:
                assert b"redis.sock" not in file.read()


def test_leases_survive_an_outage_of_the_server_shorter_than_they_are(tmp_path):
    server = EmbeddedRedis(tmp_path)
    queue = open_queue(server.url, "run")
    queue.put([Task(id="t", kind="k", group="g")])
    with LeaseKeeper(server.url, "run", lease_seconds=1.5, owner="w", facts={}) as keeper:
        lease = queue.lease(["k"], owner="w", lease_seconds=1.5, wait_seconds=0)[0]
        keeper.hold(lease)
        server.stop()
        time.sleep(0.3)
        with EmbeddedRedis(tmp_path):
            time.sleep(2.0)
            assert keeper.lost() == frozenset()
            queue.ack(lease)
            assert queue.ledger().done == 1


def test_a_poison_task_that_kills_workers_is_a_dead_letter_and_others_finish(redis_url, run_name, spawn):
    queue = open_queue(redis_url, run_name)
    queue.put([Task(id="poison", kind="k", group="g", max_attempts=2, priority=9)])
    queue.put([Task(id=f"good-{i}", kind="k", group="g") for i in range(5)])
    stop = threading.Event()

    def keep_workers_running():
        while not stop.is_set():
            spawn(POISONED, redis_url, run_name).wait()

    supervisor = threading.Thread(target=keep_workers_running)
    supervisor.start()
    ledger = queue.gather("g", wait_seconds=30)
    stop.set()
    supervisor.join(20)
    assert ledger == Ledger(submitted=6, done=5, dead=1)
    (letter,) = queue.dead_letters("g")
    assert (letter.task.id, letter.attempts) == ("poison", 2)
    assert "died or hung" in letter.error


# Serves the queue until it is settled; the poison kills the process as a segmentation fault would.
POISONED = """
import os, signal, sys
from potstill.queues.open_queue import open_queue
queue = open_queue(*sys.argv[1:])
while not queue.ledger("g").settled:
    for lease in queue.lease(["k"], owner="w", lease_seconds=0.4, wait_seconds=0.2):
        if lease.task.id == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        queue.ack(lease)
"""


def test_a_raising_task_ends_as_a_dead_letter_with_its_traceback(queue):
    for _ in range(3):
        (lease,) = take(queue, wait_seconds=10)
        try:
            raise ValueError("no such robot")
        except ValueError:
            queue.fail(lease, traceback.format_exc())
    (letter,) = queue.dead_letters()
    assert letter.error.startswith("Traceback (most recent call last)")
    assert letter.error.rstrip().endswith("ValueError: no such robot")
    with pytest.raises(LeaseLostError):
        queue.ack(lease)
