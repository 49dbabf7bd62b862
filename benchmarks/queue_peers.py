"""Small tasks end to end against the bare minimum of Redis commands and against six task queues.

``python benchmarks/queue_peers.py --peers-venv DIR [--quick]``: one server for all, with append-only file and
everysec; every side puts empty tasks and does them in one process. Ours: put, lease and acknowledge each task before
the next, on one thread, first in three calls, then with ``acknowledge_and_lease`` in two; then in batches of 64. Bare:
XADD, XREADGROUP and XACK with redis-py, no lease, no ledger, no result, no second delivery. A peer puts all its tasks
and then does them with one worker (settings in the output), whose start and stop are not counted; most of them work on
many tasks at once. The sides take turns; a ratio is the median over the turns. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
import uuid
from pathlib import Path

import redis
from faults.killable_redis import KillableRedis
from measurement import print_measurement
from peers.peer_venvs import PACKAGES, PeerVenvs

from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task

BATCH = 64
PAYLOAD = {"index": 0}
#: The slow ones do fewer, so that the turns stay short.
SHARE = {"rq": 0.25, "arq": 0.25, "celery": 0.5}


class OurTasks:
    """The three ways to do ``count`` tasks on our queue; each is counted exactly once."""

    def __init__(self, url):
        self._queue = open_queue(url, f"peers-{uuid.uuid4().hex}")
        self._terms = {"owner": "worker", "lease_seconds": 30.0, "wait_seconds": 0.0}
        self._ids = itertools.count()

    def three_calls(self, count):
        """Each in put, lease, ack."""
        for task in self._tasks(count):
            self._queue.put([task])
            (lease,) = self._queue.lease(["small"], **self._terms)
            self._queue.ack(lease, {})

    def two_calls(self, count):
        """Each acknowledged with the lease of the next."""
        done = []
        for task in self._tasks(count):
            self._queue.put([task])
            _, leases = self._queue.acknowledge_and_lease(done, ["small"], **self._terms)
            done = [(lease, {}) for lease in leases]
        self._queue.ack_many(done)

    def batches(self, count):
        """``two_calls`` for ``BATCH`` tasks at a time."""
        done, tasks = [], self._tasks(count)
        for first in range(0, count, BATCH):
            self._queue.put(tasks[first : first + BATCH])
            _, leases = self._queue.acknowledge_and_lease(done, ["small"], max_tasks=BATCH, **self._terms)
            done = [(lease, {}) for lease in leases]
        self._queue.ack_many(done)

    def check(self):
        """That every task was counted once."""
        ledger = self._queue.ledger()
        if not ledger.settled or ledger.done != next(self._ids):
            raise RuntimeError(f"the ledger is not exact: {ledger}")

    def _tasks(self, count):
        names = [f"task-{index}" for index in itertools.islice(self._ids, count)]
        return [Task(id=name, kind="small", group="all", payload=PAYLOAD) for name in names]


def bare(client, count):
    """The least that moves a task from a producer to a consumer and marks it done."""
    stream = uuid.uuid4().hex
    client.xgroup_create(stream, "workers", "0", mkstream=True)
    for index in range(count):
        client.xadd(stream, {"index": index})
        ((_, ((name, _),)),) = client.xreadgroup("workers", "worker", {stream: ">"}, count=1)
        client.xack(stream, "workers", name)


def measure_turn(server, venvs, count):
    """Tasks per second of every side, once."""
    client, ours, rates, about = redis.Redis.from_url(server.url), OurTasks(server.url), {}, {}
    sides = {
        "bare": lambda: bare(client, count),
        "ours": lambda: ours.three_calls(count),
        "ours_two_calls": lambda: ours.two_calls(count),
        "ours_batch": lambda: ours.batches(4 * count),
    }
    for warm_up in (lambda: bare(client, 20), lambda: ours.three_calls(20), lambda: ours.batches(BATCH)):
        warm_up()
    for name, work in sides.items():
        began, cpu = time.perf_counter(), time.process_time() + server.cpu_seconds()
        work()
        done = 4 * count if name == "ours_batch" else count
        rates[name] = done / (time.perf_counter() - began)
        about[name] = {"cpu_us_per_task": 1e6 * (time.process_time() + server.cpu_seconds() - cpu) / done}
    ours.check()
    for name in PACKAGES if venvs else ():
        client.flushall()
        share = max(50, int(count * SHARE.get(name, 1.0)))
        found = venvs.measure_speed(name, server.url, share)
        rates[name] = share / (found["put_s"] + found["work_s"])
        about[name] = {"version": found["version"], "settings": found["settings"], "tasks": share}
    client.flushall()
    return rates, about


def ratios_of(turns):
    """Medians over the turns of what was measured in the same one."""
    peers = [name for name in PACKAGES if name in turns[0]]

    def ratio(ours, other):
        return statistics.median(turn[ours] / turn[other] for turn in turns)

    ratios = {"vs_bare": ratio("ours", "bare"), "vs_bare_two_calls": ratio("ours_two_calls", "bare")}
    ratios |= {"batch_vs_bare": ratio("ours_batch", "bare")}
    ratios |= {f"vs_{name}": ratio("ours", name) for name in peers}
    if peers:
        best = [turn["ours_batch"] / max(turn[name] for name in peers) for turn in turns]
        ratios["batch_vs_best_peer"] = statistics.median(best)
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few tasks, one turn")
    parser.add_argument(
        "--peers-venv", type=Path, help="folder for the peers' environments; absent: no peers"
    )
    options = parser.parse_args()
    venvs = PeerVenvs(options.peers_venv) if options.peers_venv else None
    count, turns = (200, 1) if options.quick else (2000, 5)
    with tempfile.TemporaryDirectory() as folder, KillableRedis(folder) as server:
        measured = [measure_turn(server, venvs, count) for _ in range(turns)]
    rates = [turn for turn, _ in measured]
    table = {
        name: {"tasks_per_s": statistics.median(turn[name] for turn in rates), **measured[-1][1][name]}
        for name in rates[0]
    }
    figures = {"sides": table, "tasks": count, "turns": turns, "batch": BATCH}
    print_measurement("queue_peers", figures, ratios_of(rates))


if __name__ == "__main__":
    main()
