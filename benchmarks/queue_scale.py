"""Many idle-handed workers: how near the queue comes to the ideal throughput, and what Redis spends on it.

``python benchmarks/queue_scale.py [--quick]``: 200 workers (threads of 4 processes, each with a connection of its own)
sleep through tasks of 1 s with real leases, results and acknowledgements. Ideal: 200 tasks a second, from the first
lease to the last acknowledgement, on whole rounds of the workers. ``efficiency`` is the share of it that was reached;
``redis_cpu_share`` is the server's processor time over that time. Ends with an exact ledger. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import threading
import time

from faults.killable_redis import KillableRedis
from measurement import print_measurement

from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task

RUN, PROCESSES, TASK_SECONDS = "scale", 4, 1.0


def work(url, workers, go):
    """A process full of workers; ends when there is nothing left to lease."""
    queue = open_queue(url, RUN)
    threads = [
        threading.Thread(target=_sleep_through_tasks, args=(queue, f"w{i}", go)) for i in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sleep_through_tasks(queue, owner, go):
    done, terms = [], {"owner": owner, "lease_seconds": 15.0, "wait_seconds": 0.5}
    queue.ledger()  # connected before it counts
    go.wait()
    while True:
        _, leases = queue.acknowledge_and_lease(done, ["sleep"], **terms)
        if not leases:
            return
        time.sleep(TASK_SECONDS)
        done = [(lease, {"steps": 1}) for lease in leases]


def measure(server, workers, rounds):
    """``rounds`` tasks for each of ``workers``."""
    queue, spawn = open_queue(server.url, RUN), multiprocessing.get_context("spawn")
    count, go = workers * rounds, spawn.Event()
    queue.put([Task(id=f"t{index}", kind="sleep", group="all") for index in range(count)])
    processes = [
        spawn.Process(target=work, args=(server.url, workers // PROCESSES, go)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    time.sleep(5.0)
    cpu, began = server.cpu_seconds(), time.perf_counter()
    go.set()
    while not queue.gather("all", wait_seconds=10.0).settled:
        pass
    seconds, spent = time.perf_counter() - began, server.cpu_seconds() - cpu
    for process in processes:
        process.join()
    ledger = queue.ledger()
    if ledger.done != count or ledger.duplicates:
        raise RuntimeError(f"the ledger is not exact: {ledger}")
    return {"tasks": count, "workers": workers, "seconds": seconds, "tasks_per_s": count / seconds}, {
        "efficiency": rounds * TASK_SECONDS / seconds,
        "redis_cpu_share": spent / seconds,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 rounds instead of 60")
    rounds = 10 if parser.parse_args().quick else 60
    with tempfile.TemporaryDirectory() as folder, KillableRedis(folder) as server:
        print_measurement("queue_scale", *measure(server, 200, rounds))


if __name__ == "__main__":
    main()
