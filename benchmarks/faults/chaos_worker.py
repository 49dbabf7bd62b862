"""A worker to be killed: leases, sleeps, commits a file, acknowledges, and notes when it leased what.

``python chaos_worker.py URL RUN FOLDER LEASE_SECONDS LOG``; the log has one line per lease, ``SECONDS lease ID``, and
one per task it is through with, ``SECONDS end ID``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from potstill.queues.errors import LeaseLostError
from potstill.queues.lease_keeper import LeaseKeeper
from potstill.queues.open_queue import open_queue
from potstill.queues.redis_task_queue import RedisTaskQueue
from potstill.queues.task import Lease

sys.path.insert(0, str(Path(__file__).parent))
from result_folder import ResultFolder


def main() -> None:
    """Work until killed."""
    url, run, folder, lease_seconds, log = sys.argv[1:]
    queue, owner, seconds = open_queue(url, run), f"worker-{os.getpid()}", float(lease_seconds)
    facts = {"pid": os.getpid()}
    with (
        LeaseKeeper(url, run, lease_seconds=seconds, owner=owner, facts=facts) as keeper,
        open(log, "a", buffering=1, encoding="utf-8") as lines,
    ):
        while True:
            for lease in queue.lease(["work"], owner=owner, lease_seconds=seconds, wait_seconds=1.0):
                lines.write(f"{time.time()} lease {lease.task.id}\n")
                keeper.hold(lease)
                _work(queue, lease, ResultFolder(folder), keeper, seconds)
                lines.write(f"{time.time()} end {lease.task.id}\n")


def _work(
    queue: RedisTaskQueue, lease: Lease, results: ResultFolder, keeper: LeaseKeeper, lease_seconds: float
) -> None:
    if lease.task.payload["poison"]:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(lease.task.payload["seconds"])
    try:
        if queue.extend([lease], lease_seconds=lease_seconds)[0]:
            body = results.commit(lease.task.id, f"{os.getpid()} {time.time_ns()}".encode())
            queue.ack(lease, {"committed": body})
    except LeaseLostError:
        pass  # it was ours when we committed; whoever has it now finds our file
    finally:
        keeper.drop(lease)


if __name__ == "__main__":
    main()
