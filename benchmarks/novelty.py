"""Does a representation notice a task it was never trained on? Leave one task out, with the real tasks.

Episodes are collected once (the oracle undisturbed, the oracle disturbed, and chance, in equal parts; two arms), each
task in a round of its own. For each left-out task a representation is trained on all others (``train_representation``),
with its mixture of codes. ``auroc``: how often a window of the left-out task has a higher novelty than a window of a
held-out episode of the known tasks, over all pairs; ``auroc_by_step``: over pairs of the same steps of an episode.
``flagged``: share of its windows above the threshold that 5 of 100 known ones pass. The machine's load does not matter.
Run alone: ``python benchmarks/novelty.py [--seed N] [--quick]`` (quick: one of four tasks left out and a few gradient
steps, which only shows that it runs).
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from pathlib import Path

import numpy as np
import torch
from measurement import print_measurement
from scipy.stats import rankdata

from potstill.actors.trajectory_job import TrajectoryJob
from potstill.actors.trajectory_worker import TrajectoryWorker
from potstill.actors.work_meter import WorkMeter
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.representation.job import RepresentationJob
from potstill.learners.representation.novelty import Novelty
from potstill.learners.representation.train import train_representation
from potstill.learners.training_config import TrainingConfig
from potstill.policies.collective_inference import CollectiveInference
from potstill.policies.representation_checkpoint import load_representation
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig
from potstill.policies.window_tensors import WindowTensors
from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.task import Task

TASKS = (
    "button-press-topdown-v3", "door-open-v3", "drawer-close-v3", "drawer-open-v3", "peg-insert-side-v3",
    "pick-place-v3", "push-v3", "reach-v3", "window-close-v3", "window-open-v3",
)  # fmt: skip
LEFT_OUT = ("pick-place-v3", "door-open-v3", "window-close-v3", "reach-v3")
ROBOTS = ("sawyer", "ur5e")
ACTING = ({"actor": "expert"}, {"actor": "expert", "sigma": 0.6}, {"actor": "random"})
#: First steps of the bins that are looked at apart.
BINS = (0, 1, 5, 20, 50, 100)
LEASE_SECONDS = 3600.0
SEED = 9000
MOST_WINDOWS = 5000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0, help="of splits, weights and batches")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tasks, left_out = (TASKS[4:8], TASKS[5:6]) if options.quick else (TASKS, LEFT_OUT)
    per_cell, steps = (6, 20) if options.quick else (21, 1000)
    with tempfile.TemporaryDirectory() as folder:
        url = str(Path(folder) / "episodes")
        collect(url, tasks, per_cell)
        found = {
            task: leave_out(Path(folder), url, tasks, task, steps=steps, seed=options.seed)
            for task in left_out
        }
    figures = {
        "left_out": found,
        "episodes_per_cell": per_cell,
        "gradient_steps": steps,
        "seed": options.seed,
    }
    figures["worst_auroc"] = min(one["auroc"] for one in found.values())
    print_measurement("novelty", figures, {})


def collect(url, tasks, per_cell):
    queue = MemoryTaskQueue()
    leases = MemoryLeaseKeeper(queue, lease_seconds=LEASE_SECONDS, owner="worker", facts={})
    worker = TrajectoryWorker(
        queue=queue,
        leases=leases,
        load_student=lambda at, sha256: CollectiveInference.load(Path(at), expected_sha256=sha256),
        open_store=functools.cache(EpisodeStore),
        owner="worker",
        batch=16,
        lease_seconds=LEASE_SECONDS,
        meter=WorkMeter(leases.report),
    )
    for number, task in enumerate(tasks):
        count = per_cell * len(ROBOTS)
        for index in range(count):
            job = TrajectoryJob(
                purpose="rollout", run="benchmark", round=number, index=index, task=task,
                robot=ROBOTS[index // per_cell], seed=SEED + index, max_steps=250, hold_steps=10, store=url,
                **ACTING[index % len(ACTING)],
            )  # fmt: skip
            group = f"round_{number:02d}"
            queue.put(
                [Task(id=f"{group}.{index:04d}", kind="rollout", group=group, payload=job.to_payload())]
            )
        while worker.tick():
            pass
        EpisodeStore(url).seal(number, requested=count)


def leave_out(folder, url, tasks, task, *, steps, seed):
    known_rounds = tuple(number for number, name in enumerate(tasks) if name != task)
    output, cache = folder / task, folder / "cache"
    job = RepresentationJob(
        store=url,
        rounds=known_rounds,
        transformer=TrajectoryTransformerConfig(heads=2),
        learner=RepresentationConfig(training=TrainingConfig(gradient_steps=steps, batch_size=128)),
        output=str(output),
        cache=str(cache),
        seed=seed,
    )
    result = train_representation(job.to_payload(), threads=1, on_metrics=lambda metrics: None)
    transformer, _ = load_representation(output, expected_sha256=result["checkpoint_sha256"])
    novelty, _ = Novelty.load(output)
    store = EpisodeStore(url)
    known = TrajectoryTable(store, known_rounds, cache=cache, split_seed=seed)
    new = TrajectoryTable(store, [tasks.index(task)], cache=cache, split_seed=seed, validation_fraction=0.0)
    old = scores(novelty, transformer, known, known.rows("validation"), seed)
    odd = scores(novelty, transformer, new, new.rows("train"), seed)
    return {
        "auroc": auroc(old[0], odd[0]),
        "auroc_by_step": by_step(old, odd),
        "flagged": float((odd[0] > 0.0).mean()),
        "clusters": result["clusters"],
        "task_probe": result["task_probe"],
    }


def scores(novelty, transformer, table, rows, seed):
    """Of at most ``MOST_WINDOWS`` windows the novelty and the step."""
    rows = np.random.default_rng(seed).permutation(rows)[:MOST_WINDOWS]
    with torch.no_grad():
        codes = [
            transformer.encode(WindowTensors.of(table.windows(part, transformer.config.window))).numpy()
            for part in np.array_split(rows, -(-len(rows) // 1024))
        ]
    return novelty.score(np.concatenate(codes)), table.columns["step"][rows]


def by_step(old, odd):
    """Windows of one bin against windows of the same one, so that the step itself cannot give a task away."""
    found = {}
    for first, end in zip(BINS, (*BINS[1:], 10**6), strict=True):
        parts = [score[(step >= first) & (step < end)] for score, step in (old, odd)]
        if all(len(part) for part in parts):
            found[str(first)] = auroc(*parts)
    return found


def auroc(low, high):
    """Share of pairs that are in order (Mann and Whitney 1947)."""
    ranks = rankdata(np.concatenate([low, high]))[len(low) :]
    return float((ranks.mean() - (len(high) + 1) / 2) / len(low))


if __name__ == "__main__":
    main()
