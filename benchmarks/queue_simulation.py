"""The queue under simulated fire: seeds, violations, planted bugs caught; and any seed again, event for event.

``python benchmarks/queue_simulation.py [--quick]`` runs many seeds; the last line is one JSON object.
``python benchmarks/queue_simulation.py --seed N --trace [--bug NAME] [--redis]`` replays one, prints every event,
and shrinks it when it breaks a promise.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.redis_connection import connect

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "queues"))
from measurement import print_measurement
from simulation.clocked_redis import redis_queue_opener
from simulation.planted_bugs import NO_BUG, PLANTED_BUGS
from simulation.run_many import Summary, run_many
from simulation.shrink import shrink
from simulation.simulation import run_seed

BUGS = {bug.name: bug for bug in (NO_BUG, *PLANTED_BUGS)}
#: Seeds within which every planted bug must be caught.
PATIENCE = 300


def main():
    arguments = parse()
    if arguments.seed is not None:
        replay(arguments)
        return
    seeds, redis_seeds = (200, 20) if arguments.quick else (arguments.seeds, arguments.redis_seeds)
    figures, ratios = measure(seeds, redis_seeds, arguments)
    print_measurement("queue_simulation", figures, ratios)


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="200 seeds")
    parser.add_argument("--seeds", type=int, default=2000, help="on the twin in memory")
    parser.add_argument("--redis-seeds", type=int, default=200, help="on a real server with the real scripts")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--steps", type=int, default=500, help="events under faults, per seed")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, help="replay this one")
    parser.add_argument("--trace", action="store_true", help="with --seed: print every event")
    parser.add_argument("--redis", action="store_true", help="with --seed: on the real server")
    parser.add_argument("--bug", choices=BUGS, default=NO_BUG.name, help="with --seed: plant this one")
    parser.add_argument(
        "--without", action="append", default=[], help="with --seed: leave out a kind of fault"
    )
    return parser.parse_args()


def replay(arguments):
    """One seed again; what it breaks is shrunk to the faults it needs."""
    settings = {"bug": BUGS[arguments.bug]}
    trace = print if arguments.trace else None
    with redis_queues() if arguments.redis else no_server() as open_queue:
        settings["open_queue"] = open_queue
        outcome = run_seed(
            arguments.seed, steps=arguments.steps, without=arguments.without, trace=trace, **settings
        )
        print(f"seed {arguments.seed}: {outcome.broken or 'no promise broken'}")
        print(f"faults: {', '.join(outcome.faults)}")
        if not outcome.broken:
            return
        if not arguments.without:
            steps, without = shrink(arguments.seed, steps=arguments.steps, **settings)
            words = ["--seed", str(arguments.seed), "--steps", str(steps), "--bug", arguments.bug]
            words += [word for kind in without for word in ("--without", kind)]
            print(f"shrunk: python benchmarks/queue_simulation.py --trace {shlex.join(words)}")
    sys.exit(1)


def measure(seeds, redis_seeds, arguments):
    started = time.perf_counter()
    last = arguments.first + seeds
    memory = run_many(range(arguments.first, last), steps=arguments.steps, processes=arguments.processes)
    memory_seconds = time.perf_counter() - started
    started = time.process_time()
    redis = Summary()
    with redis_queues() as open_queue:
        for seed in range(arguments.first, arguments.first + redis_seeds):
            redis.add(run_seed(seed, steps=arguments.steps, open_queue=open_queue))
    caught = {bug.name: seeds_until_caught(bug) for bug in PLANTED_BUGS}
    figures = {
        "seeds": memory.seeds,
        "steps": memory.steps,
        "violations": len(memory.broken),
        "violating_seeds": [outcome.seed for outcome in memory.broken],
        "seconds": memory_seconds,
        "counts": dict(sorted(memory.counts.items())),
        "redis_seeds": redis.seeds,
        "redis_violations": len(redis.broken),
        "redis_violating_seeds": [outcome.seed for outcome in redis.broken],
        "planted_bugs": len(PLANTED_BUGS),
        "planted_bugs_caught": sum(number is not None for number in caught.values()),
        "seeds_until_caught": caught,
    }
    return figures, {"planted_bugs_caught": figures["planted_bugs_caught"] / len(PLANTED_BUGS)}


def seeds_until_caught(bug):
    """How many seeds it takes; None: more than ``PATIENCE``."""
    return next((seed + 1 for seed in range(PATIENCE) if run_seed(seed, bug=bug).broken), None)


@contextmanager
def redis_queues():
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(folder) as redis:
        yield redis_queue_opener(connect(redis.url), "simulated")


@contextmanager
def no_server():
    yield None


if __name__ == "__main__":
    main()
