"""The queue under fire: thousands of tasks, hundreds of kills, and an exact ledger at the end.

``python benchmarks/queue_chaos.py [--quick] [--seed N] [--peers-venv DIR]``: worker processes (each with its heartbeat
process), a runner and a server with append-only file (everysec) are killed with SIGKILL and stopped past their lease
while they work. A result is a file (written, fsynced, then named; the first commit wins); the ledger is compared with
the files at the end. What a killed server *process* had written is with the kernel (but for what a slow fsync made it
hold back, at most 2 s): power cuts, which may take the last second, are for queue_simulation.py. ``lost``: tasks
without a committed result or not counted as done.
``duplicated``: results counted twice, or counted with another worker's result than the committed one.
With ``--peers-venv DIR`` the same faults, fewer, hit RQ, Celery, Dramatiq and arq, with time-outs of 5 s like our lease
(settings: benchmarks/peers): ``lost``: neither done nor known to the library any more, ``stuck``: not done 40 s after
the last progress, ``done_again``: executions beyond the first (ours: deliveries, of which the ledger counts one).
``kill_to_lease``: from the kill, or stop, of a worker that held a task until the task was leased again. The last line
is one JSON object.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from faults.peer_under_fire import PeerUnderFire
from faults.queue_under_fire import FireConfig, QueueUnderFire
from measurement import print_measurement
from peers.peer_venvs import PeerVenvs

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


#: The same for every library, in tasks few enough to wait for their time-outs.
SMALL = FireConfig(
    tasks=120,
    task_seconds=0.3,
    workers=4,
    kills=12,
    stops=4,
    redis_kills=1,
    runner_restarts=0,
    lease_seconds=5.0,
)
PEERS = ("rq", "celery", "dramatiq", "arq")


def our_row(config):
    """Our line of a table whose other lines are ``PeerUnderFire.run``."""
    with tempfile.TemporaryDirectory() as folder:
        ours = QueueUnderFire(Path(folder), config).run()
    again = ours["deliveries"] - ours["ledger"]["done"] - ours["ledger"]["dead"]
    row = {"tasks": config.tasks, "lost": ours["lost"], "stuck": 0, "done_again": again}
    return row | {"counted_twice": ours["duplicated"], "seconds": ours["seconds"]}


def compare_with_peers(venvs, seed):
    """Lost, stuck and done again, by library."""
    config = replace(SMALL, seed=seed)
    table = {"potstill": our_row(config)}
    for name in PEERS:
        with tempfile.TemporaryDirectory() as folder:
            table[name] = PeerUnderFire(Path(folder), config, venvs, name).run()
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few tasks and faults, under a minute")
    parser.add_argument("--seed", type=int, default=0, help="order of the faults and their victims")
    parser.add_argument(
        "--peers-venv", type=Path, help="folder for the peers' environments; absent: no peers"
    )
    options = parser.parse_args()
    config = replace(QUICK if options.quick else FULL, seed=options.seed)
    with tempfile.TemporaryDirectory() as folder:
        figures = QueueUnderFire(Path(folder), config).run()
    if options.peers_venv:
        figures["peers"] = compare_with_peers(PeerVenvs(options.peers_venv), options.seed)
    print_measurement("queue_chaos", figures, {})


if __name__ == "__main__":
    main()
