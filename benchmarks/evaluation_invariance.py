"""Whether an evaluation's outcome depends on who does it: the same episodes by 1, 2, 4 workers in batches of 1, 8, 32.

Real worker processes over an embedded Redis, real render workers, a trained student. Equal means equal in every
bit: success, number of steps and return of every episode.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from measurement import print_measurement

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.experience.array_file import read_array_file
from potstill.launch.dagger.composition import (
    WorkerSettings,
    run_render_worker,
    run_rollout_worker,
)
from potstill.launch.dagger.config import DaggerConfig, EvaluationConfig
from potstill.launch.dagger.recipes import demo
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.stage_tasks import StageTasks
from potstill.launch.dagger.stages import (
    evaluation_stage,
)
from potstill.launch.engine.worker_process import WORKER_ENVIRONMENT
from potstill.policies.policy_file import POLICY_FILE, POLICY_KIND
from potstill.queues.open_queue import open_queue

RENDER_WORKERS = 2
DEADLINE_SECONDS = 1800.0

#: (success, steps, return as its exact hexadecimal) of every episode, by seed.
Outcome = dict[int, tuple[bool, int, str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, nargs="?", help="a run directory or one of its checkpoint folders")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--workers", type=numbers, default=(1, 2, 4))
    parser.add_argument("--batches", type=numbers, default=(1, 8, 32))
    parser.add_argument(
        "--quick", action="store_true", help="8 episodes of 20 steps, 1 and 2 workers, batches 1 and 8"
    )
    parser.add_argument("--worker", nargs=4, metavar=("KIND", "URL", "RUN", "BATCH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return work(*options.worker)
    if options.path is None:
        parser.error("path: a run directory or checkpoint folder is needed")
    checkpoint, config = find_student(options.path)
    steps = config.evaluation.max_steps
    if options.quick:
        options.episodes, options.workers, options.batches, steps = 8, (1, 2), (1, 8), 20
    evaluation = EvaluationConfig(episodes=options.episodes, max_steps=steps)
    outcomes = {
        (workers, batch): evaluate(
            replace(config, evaluation=evaluation), checkpoint, workers=workers, batch=batch
        )
        for workers in options.workers
        for batch in options.batches
    }
    return report(outcomes, checkpoint)


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def find_student(path: Path) -> tuple[Path, DaggerConfig]:
    """The checkpoint folder (of a run: its last round's) and the configuration it was trained under."""
    path = path.resolve()
    if (path / POLICY_FILE).exists():
        run_dir = path.parent.parent
        return path, DaggerFolder(run_dir).read_config() if (run_dir / "config.yaml").exists() else demo()
    return sorted(path.glob(f"checkpoints/*/{POLICY_FILE}"))[-1].parent, DaggerFolder(path).read_config()


def evaluate(config: DaggerConfig, checkpoint: Path, *, workers: int, batch: int) -> Outcome:
    """One evaluation by fresh processes on a fresh server."""
    _, _, sha256 = read_array_file(checkpoint / POLICY_FILE, kind=POLICY_KIND)
    run = f"invariance-{workers}-{batch}"
    with (
        tempfile.TemporaryDirectory(prefix="potstill-invariance-") as folder,
        EmbeddedRedis(folder) as server,
    ):
        queue = open_queue(server.url, run)
        stage = evaluation_stage(config, 0, sha256)
        tasks = StageTasks(config=config, run=run, run_dir=checkpoint.parent.parent, store="")
        queue.put(tasks.evaluation(stage, (str(checkpoint), sha256)))
        kinds = ["rollout"] * workers + ["render"] * RENDER_WORKERS
        processes = [start(kind, server.url, run, batch) for kind in kinds]
        began = time.monotonic()
        try:
            ledger = queue.gather(stage.group, wait_seconds=DEADLINE_SECONDS)
        finally:
            stop(processes)
        if ledger.done != config.evaluation.episodes:
            raise SystemExit(f"{workers} workers, batch {batch}: {ledger}; {queue.dead_letters()[:1]}")
        results = queue.results(stage.group).values()
    seconds = time.monotonic() - began
    print(
        f"{workers} workers, batch {batch}: {seconds:.1f} s, {ledger.duplicates} duplicates", file=sys.stderr
    )
    return {
        result["seed"]: (result["success"], result["steps"], float(result["return"]).hex())
        for result in results
    }


def start(kind: str, url: str, run: str, batch: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--worker", kind, url, run, str(batch)]
    return subprocess.Popen(command, env=os.environ | WORKER_ENVIRONMENT)


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.send_signal(signal.SIGKILL)
    for process in processes:
        process.wait()


def work(kind: str, url: str, run: str, batch: str) -> int:
    """A run's worker, until killed."""
    config = demo()
    settings = replace(WorkerSettings.of(config, redis_url=url, run=run), rollout_batch=int(batch))
    targets = {"rollout": run_rollout_worker, "render": run_render_worker}
    targets[kind](settings, os.getpid(), lambda: False)
    return 0


def report(outcomes: dict[tuple[int, int], Outcome], checkpoint: Path) -> int:
    """Print the verdict, then the measurement; 0 when all are identical."""
    first = next(iter(outcomes.values()))
    digests = {
        f"{workers}x{batch}": hashlib.sha256(json.dumps(sorted(outcome.items())).encode()).hexdigest()
        for (workers, batch), outcome in outcomes.items()
    }
    identical = all(outcome == first for outcome in outcomes.values())
    verdict = {"identical": identical, "n": len(first), "checkpoint": str(checkpoint), "sha256": digests}
    print(json.dumps(verdict), flush=True)
    successes = sum(success for success, _, _ in first.values())
    differing = sum(any(outcome[seed] != first[seed] for outcome in outcomes.values()) for seed in first)
    print_measurement(
        "evaluation_invariance",
        figures={"episodes": len(first), "settings": len(outcomes), "differing_episodes": differing},
        ratios={"identical_share": 1 - differing / len(first), "success_rate": successes / len(first)},
    )
    return 0 if identical else 1


if __name__ == "__main__":
    sys.exit(main())
