"""The whole queue against zaku, the task queue of LucidSim: tasks, remote calls, arrays, and what kills do to both.

``python benchmarks/queue_zaku.py --peers-venv DIR [--quick]``: zaku 0.0.18 with one server process before Redis Stack,
ours on the embedded server's program; both Redis servers on TCP with append-only file (everysec), one after the other,
so that neither disturbs the other.

- ``tasks_per_s``: empty tasks, put one by one, then taken and done one by one in one process.
- ``calls``: with a state of 300 floats, one at a time, another process answers. zaku is asked without pause (its best)
  and ten times a second (as render workers of LucidSim do). ``lost``: no reply within 1 s (zaku: a reply that is
  faster than its caller's second request reaches nobody).
- ``arrays``: MB/s, put, taken and done; ours by reference to a file in ``--directory``.
- ``faults``: the same kills and stops of workers and server as in queue_chaos.py. zaku has no leases: idle workers set
  free what was taken 5 s ago, as long as our lease.

The last line is one JSON object; ratios above 1 are in our favour.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import subprocess
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
from faults.killable_redis import KillableRedis
from faults.peer_under_fire import PeerUnderFire
from measurement import print_measurement
from peers.peer_venvs import PeerVenvs
from peers.zaku_stack import ZakuStack
from queue_chaos import SMALL, our_row
from queue_rpc import Calls, milliseconds, serve_rpc

from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task

SIZES = {"1mb": 1_000_000, "16mb": 16_000_000}
PAUSES = {"zaku": 0.0, "zaku_10_hz": 0.1}
TERMS = {"owner": "worker", "lease_seconds": 30.0, "wait_seconds": 0.0}


def our_tasks_per_s(url, count):
    """Put each, then lease and acknowledge each."""
    queue = open_queue(url, uuid.uuid4().hex)
    began = time.perf_counter()
    for index in range(count):
        queue.put([Task(id=f"task-{index}", kind="empty", group="g", payload={"index": index})])
    done = []
    for _ in range(count):
        _, (lease,) = queue.acknowledge_and_lease(done, ["empty"], max_tasks=1, **TERMS)
        done = [(lease, {})]
    queue.ack_many(done)
    seconds = time.perf_counter() - began
    if queue.ledger().done != count:
        raise RuntimeError(f"the ledger is not exact: {queue.ledger()}")
    return count / seconds


def our_calls(url, count):
    """One at a time; another process answers."""
    run = uuid.uuid4().hex
    server = multiprocessing.get_context("spawn").Process(target=serve_rpc, args=(url, run), daemon=True)
    server.start()
    calls = Calls(url, run)
    calls.one(0)  # the server has started
    times = sorted(milliseconds(calls.one, range(count)))
    server.kill()
    ranks = {name: times[int(share * (count - 1))] for name, share in (("p50_ms", 0.5), ("p99_ms", 0.99))}
    return {"calls": calls.sent, "lost": calls.sent - calls.answered, **ranks}


def our_arrays(url, size, count, directory):
    """Megabytes per second by reference."""
    queue = open_queue(url, uuid.uuid4().hex, payload_directory=f"{directory}/payloads")
    array, seconds = np.arange(size, dtype=np.uint8), []
    for index in range(count + 1):
        began = time.perf_counter()
        queue.put([Task(id=f"task-{index}", kind="array", group="g", payload={"array": array})])
        (lease,) = queue.lease(["array"], **TERMS)
        if not np.array_equal(lease.task.payload["array"][[0, -1]], array[[0, -1]]):
            raise RuntimeError("another array arrived than was sent")
        queue.ack(lease, {})
        seconds.append(time.perf_counter() - began)
    return {"mb_per_s": size / 1e6 / sorted(seconds[1:])[count // 2]}


def measure_ours(counts, directory):
    """All of it on a server of its own."""
    with tempfile.TemporaryDirectory() as folder, KillableRedis(folder) as server:
        return {
            "tasks_per_s": our_tasks_per_s(server.url, counts["tasks"]),
            "calls": {"potstill": our_calls(server.url, counts["calls"])},
            "arrays": {
                name: our_arrays(server.url, size, counts["arrays"], directory)
                for name, size in SIZES.items()
            },
        }


def measure_zaku(counts, venvs):
    """The same with zaku."""
    with tempfile.TemporaryDirectory() as folder, ZakuStack(Path(folder), venvs) as stack:

        def measure(command, *words):
            line = venvs.command("zaku", command, stack.url, *map(str, words))
            done = subprocess.run(line, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode:
                raise RuntimeError(f"zaku failed: {done.stderr.strip().splitlines()[-1]}")
            return json.loads(done.stdout.splitlines()[-1])

        speed = measure("speed", counts["tasks"])
        return {
            "version": speed["version"],
            "settings": speed["settings"],
            "tasks_per_s": counts["tasks"] / (speed["put_s"] + speed["work_s"]),
            "calls": {
                name: measure("calls", max(20, counts["calls"] // (1 if not pause else 5)), pause)
                for name, pause in PAUSES.items()
            },
            "arrays": {name: measure("arrays", size, counts["arrays"]) for name, size in SIZES.items()},
        }


def measure_faults(venvs, config):
    """Lost, stuck and done again, of both."""
    with tempfile.TemporaryDirectory() as folder:
        open_server = functools.partial(ZakuStack, venvs=venvs)
        zaku = PeerUnderFire(Path(folder), config, venvs, "zaku", open_server=open_server).run()
    return {"potstill": our_row(config), "zaku": zaku}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of each, and fewer faults")
    parser.add_argument("--peers-venv", type=Path, required=True, help="folder for zaku's environment")
    parser.add_argument("--seed", type=int, default=0, help="order of the faults and their victims")
    parser.add_argument("--directory", default="/dev/shm", help="of our arrays (default: %(default)s)")
    options = parser.parse_args()
    counts = (
        {"tasks": 100, "calls": 100, "arrays": 5}
        if options.quick
        else {"tasks": 1000, "calls": 1000, "arrays": 30}
    )
    fire = replace(SMALL, seed=options.seed)
    if options.quick:
        fire = replace(fire, tasks=20, kills=2, stops=1)
    venvs = PeerVenvs(options.peers_venv)
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        ours = measure_ours(counts, directory)
    zaku = measure_zaku(counts, venvs)
    ratios = {
        "tasks_per_s": ours["tasks_per_s"] / zaku["tasks_per_s"],
        "call_p50": zaku["calls"]["zaku"]["p50_ms"] / ours["calls"]["potstill"]["p50_ms"],
        "call_p99": zaku["calls"]["zaku"]["p99_ms"] / ours["calls"]["potstill"]["p99_ms"],
        **{
            f"array_{name}": ours["arrays"][name]["mb_per_s"] / zaku["arrays"][name]["mb_per_s"]
            for name in SIZES
        },
    }
    figures = {"counts": counts, "potstill": ours, "zaku": zaku, "faults": measure_faults(venvs, fire)}
    print_measurement("queue_zaku", figures, ratios)


if __name__ == "__main__":
    main()
