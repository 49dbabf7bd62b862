"""Small tasks end to end against the bare minimum of Redis commands and against six task queues.

``python benchmarks/queue_peers.py --peers-venv DIR [--peers NAME ...] [--quick]``: one server for all, with append-
only file and everysec; every side puts empty tasks and does them in one process. Ours: each task is put, leased and
acknowledged before the next, on one thread, in three calls, then in two (``acknowledge_and_lease``); then in batches
of 64. Bare: XADD, XREADGROUP and XACK with redis-py: no lease, no ledger, no result, no second delivery. Ours and
bare take turns task by task, and the ratios to bare compare medians. A peer puts all its tasks and then does them
with one worker (settings in the output), whose start and stop are not counted; most of them work on many tasks at
once; the ratios to peers compare rates of the same turn, ours in two calls (``tasks_per_s`` has the three, too).
Ratios are medians over the turns. The last line is one JSON object.
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
from peers.peer_venvs import PeerVenvs

from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task

QUEUES = ("rq", "arq", "dramatiq", "celery", "streaq", "saq")
BATCH = 64
PAYLOAD = {"index": 0}
#: The slow ones do fewer, so that the turns stay short.
SHARE = {"rq": 0.25, "arq": 0.25, "celery": 0.5}


class OurTasks:
    """One task, or one batch, at a time on our queue; each is counted exactly once."""

    def __init__(self, url):
        self._queue = open_queue(url, f"peers-{uuid.uuid4().hex}")
        self._terms = {"owner": "worker", "lease_seconds": 30.0, "wait_seconds": 0.0}
        self._ids = itertools.count()
        self._done = {"two": [], "batch": []}

    def three_calls(self):
        """Put, lease, ack."""
        self._queue.put(self._tasks(1, "three"))
        (lease,) = self._queue.lease(["three"], **self._terms)
        self._queue.ack(lease, {})

    def two_calls(self):
        """Put, and acknowledge the previous one with the lease of this one."""
        self._advance("two", 1)

    def batch(self):
        """``two_calls`` for ``BATCH`` tasks at once."""
        self._advance("batch", BATCH)

    def check(self):
        """That every task was counted once."""
        for done in self._done.values():
            self._queue.ack_many(done)
        ledger = self._queue.ledger()
        if not ledger.settled or ledger.done != next(self._ids):
            raise RuntimeError(f"the ledger is not exact: {ledger}")

    def _advance(self, kind, many):
        self._queue.put(self._tasks(many, kind))
        done = self._done[kind]
        _, leases = self._queue.acknowledge_and_lease(done, [kind], max_tasks=many, **self._terms)
        self._done[kind] = [(lease, {}) for lease in leases]

    def _tasks(self, many, kind):
        names = [f"task-{index}" for index in itertools.islice(self._ids, many)]
        return [Task(id=name, kind=kind, group=kind, payload=PAYLOAD) for name in names]


class BareTasks:
    """The least that moves a task from a producer to a consumer and marks it done."""

    def __init__(self, url):
        self._client, self._stream = redis.Redis.from_url(url), uuid.uuid4().hex
        self._client.xgroup_create(self._stream, "workers", "0", mkstream=True)

    def one(self):
        """XADD, XREADGROUP, XACK."""
        self._client.xadd(self._stream, PAYLOAD)
        ((_, ((name, _),)),) = self._client.xreadgroup("workers", "worker", {self._stream: ">"}, count=1)
        self._client.xack(self._stream, "workers", name)


def measure_ours(url, count):
    """Seconds per task of ours and bare, task by task in turns, so that a busy moment falls on all."""
    ours, bare = OurTasks(url), BareTasks(url)
    sides = {
        "bare": bare.one,
        "ours": ours.three_calls,
        "ours_two_calls": ours.two_calls,
        "ours_batch": ours.batch,
    }
    seconds = {name: [] for name in sides}
    for turn in range(count + 20):
        for name, work in sides.items():
            if name == "ours_batch" and turn % 8:
                continue
            began = time.perf_counter()
            work()
            if turn >= 20:
                seconds[name].append((time.perf_counter() - began) / (BATCH if name == "ours_batch" else 1))
    ours.check()
    return seconds


def measure_turn(server, venvs, peers, count):
    """Every side once: tasks per second, median seconds per task where tasks were timed, and what a peer is."""
    client = redis.Redis.from_url(server.url)
    seconds = measure_ours(server.url, count)
    rates = {name: len(spent) / sum(spent) for name, spent in seconds.items()}
    medians = {name: statistics.median(spent) for name, spent in seconds.items()}
    about = {name: {"median_us": 1e6 * median} for name, median in medians.items()}
    for name in peers if venvs else ():
        client.flushall()
        share = max(50, int(count * SHARE.get(name, 1.0)))
        found = venvs.measure_speed(name, server.url, share)
        rates[name] = share / (found["put_s"] + found["work_s"])
        about[name] = {"version": found["version"], "settings": found["settings"], "tasks": share}
    client.flushall()
    return rates, medians, about


def ratios_of(rates, medians):
    """Medians over the turns of what was measured in the same one."""
    peers = [name for name in QUEUES if name in rates[0]]

    def against_bare(side):
        return statistics.median(turn["bare"] / turn[side] for turn in medians)

    ratios = {
        "vs_bare": against_bare("ours"),
        "vs_bare_two_calls": against_bare("ours_two_calls"),
        "batch_vs_bare": against_bare("ours_batch"),
    }
    for name in peers:
        ratios[f"vs_{name}"] = statistics.median(turn["ours_two_calls"] / turn[name] for turn in rates)
    if peers:
        best = [turn["ours_batch"] / max(turn[name] for name in peers) for turn in rates]
        ratios["batch_vs_best_peer"] = statistics.median(best)
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few tasks, one turn")
    parser.add_argument(
        "--peers-venv", type=Path, help="folder for the peers' environments; absent: no peers"
    )
    parser.add_argument(
        "--peers", nargs="+", choices=QUEUES, default=list(QUEUES), help="only these (default: all)"
    )
    options = parser.parse_args()
    venvs = PeerVenvs(options.peers_venv) if options.peers_venv else None
    count, turns = (200, 1) if options.quick else (2000, 5)
    with tempfile.TemporaryDirectory() as folder, KillableRedis(folder) as server:
        measured = [measure_turn(server, venvs, options.peers, count) for _ in range(turns)]
    rates, medians, about = zip(*measured, strict=True)
    table = {
        name: {"tasks_per_s": statistics.median(turn[name] for turn in rates), **about[-1][name]}
        for name in rates[0]
    }
    figures = {"sides": table, "tasks": count, "turns": turns, "batch": BATCH}
    print_measurement("queue_peers", figures, ratios_of(rates, medians))


if __name__ == "__main__":
    main()
