"""The queue under fire: thousands of tasks, hundreds of kills, and an exact ledger at the end.

``python benchmarks/queue_chaos.py [--quick] [--seed N]``: worker processes (each with its heartbeat
process), a runner and a server with append-only file (everysec) are killed with SIGKILL and stopped past their lease
while they work. A result is a file (written, fsynced, then named; the first commit wins); the ledger is compared with
the files at the end. A killed server *process* has handed its writes to the kernel, so this shows nothing about power
cuts, which may take the last second of writes. ``lost``: tasks without a committed result or not counted as done.
``duplicated``: results counted twice, or counted with another worker's result than the committed one.
``kill_to_lease``: from the kill, or stop, of a worker that held a task until the task was leased again. The last line
is one JSON object.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from faults.queue_under_fire import FireConfig, QueueUnderFire
from measurement import print_measurement

FULL = FireConfig(
    tasks=5000,
    task_seconds=0.2,
    workers=8,
    kills=140,
    stops=65,
    redis_kills=5,
    runner_restarts=3,
    lease_seconds=2.0,
)
QUICK = FireConfig(
    tasks=250,
    task_seconds=0.1,
    workers=3,
    kills=6,
    stops=3,
    redis_kills=2,
    runner_restarts=1,
    lease_seconds=1.0,
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few tasks and faults, under a minute")
    parser.add_argument("--seed", type=int, default=0, help="order of the faults and their victims")
    options = parser.parse_args()
    config = replace(QUICK if options.quick else FULL, seed=options.seed)
    with tempfile.TemporaryDirectory() as folder:
        figures = QueueUnderFire(Path(folder), config).run()
    print_measurement("queue_chaos", figures, {})


if __name__ == "__main__":
    main()
