"""One trajectory worker with the expert acting, against bare simulation with the oracle; CPU time, in turns.

``bare``: as many ``TaskSimulation`` stepped in one loop with the oracle's actions, nothing kept. ``worker``: a
``TrajectoryWorker`` on in-memory queue and a store on disk, from the lease to the acknowledgement: labels, records,
commits. Both play the same seeds to the same length, with the simulations already built. ``TASK_expert_vs_bare`` is the
worker's steps per CPU second over the bare loop's: the share that is left of the simulation's speed. With ``random``
the worker acts at random and the oracle labels, with ``student`` a collective policy of the default size acts.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import tempfile
import time
from pathlib import Path

import torch
from measurement import print_measurement

from potstill.actors.trajectory_job import TrajectoryJob
from potstill.actors.trajectory_worker import TrajectoryWorker
from potstill.actors.work_meter import WorkMeter
from potstill.envs.compress_observation import COMPRESSED_SIZE
from potstill.envs.task_simulation import ACTION_SIZE, TaskSimulation
from potstill.envs.teachers import OracleTeacher
from potstill.experience.episode_store import EpisodeStore
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.collective_inference import CollectiveInference
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig
from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.task import Task

TASKS = ("reach-v3", "pick-place-v3")
BATCH = 16
SEED = 7000
LEASE_SECONDS = 3600.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter episodes, under a minute")
    options = parser.parse_args()
    torch.set_num_threads(1)
    steps, repetitions = (60, 3) if options.quick else (200, 7)
    with tempfile.TemporaryDirectory() as folder:
        print_measurement("trajectory", *_measure(Path(folder), steps, repetitions))


def _measure(folder, steps, repetitions):
    sha256 = _student(folder / "student")
    acting = {
        "expert": {"actor": "expert"},
        "random": {"actor": "random"},
        "student": {
            "actor": "student",
            "checkpoint": str(folder / "student"),
            "checkpoint_sha256": sha256,
        },
    }
    table, ratios = {}, {}
    for task in TASKS:
        bare = _Bare(task, steps)
        sides = {name: _Worker(folder, task, steps, settings) for name, settings in acting.items()}
        rounds = [_round(bare, sides) for _ in range(repetitions + 1)][1:]  # the first one builds
        table[task] = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
        for name in sides:
            shares = [one[name] / one["bare"] for one in rounds]
            ratios[f"{task}_{name}_vs_bare"] = statistics.median(shares)
            table[task][f"{name}_vs_bare_range"] = [min(shares), max(shares)]
    figures = {
        "steps_per_cpu_second": table,
        "batch": BATCH,
        "steps": steps,
        "repetitions": repetitions,
    }
    return figures, ratios


def _round(bare, sides):
    return {"bare": bare.steps_per_cpu_second()} | {
        name: side.steps_per_cpu_second() for name, side in sides.items()
    }


class _Bare:
    """``BATCH`` simulations and the oracle."""

    def __init__(self, task, steps):
        self._simulations = [TaskSimulation(task) for _ in range(BATCH)]
        self._oracle = OracleTeacher(task)
        self._steps = steps

    def steps_per_cpu_second(self):
        """Every episode once."""
        began = time.process_time()
        seen = [simulation.reset(SEED + index) for index, simulation in enumerate(self._simulations)]
        for _ in range(self._steps):
            for simulation, observation in zip(self._simulations, seen, strict=True):
                simulation.push(self._oracle.act(observation))
            seen = [simulation.look()[0] for simulation in self._simulations]
        return BATCH * self._steps / (time.process_time() - began)


class _Worker:
    """A worker and the tasks of one round."""

    def __init__(self, folder, task, steps, settings):
        self._folder, self._task, self._steps, self._settings = folder, task, steps, settings
        self._queue = MemoryTaskQueue()
        leases = MemoryLeaseKeeper(self._queue, lease_seconds=LEASE_SECONDS, owner="worker", facts={})
        self._worker = TrajectoryWorker(
            queue=self._queue,
            leases=leases,
            load_student=lambda at, sha256: CollectiveInference.load(Path(at), expected_sha256=sha256),
            open_store=functools.cache(EpisodeStore),
            owner="worker",
            batch=BATCH,
            lease_seconds=LEASE_SECONDS,
            meter=WorkMeter(leases.report),
        )
        self._round = 0

    def steps_per_cpu_second(self):
        """Every episode once, stored in a round of its own."""
        store = self._folder / f"{self._task}.{self._settings['actor']}"
        jobs = [
            TrajectoryJob(
                purpose="rollout", run="benchmark", round=self._round, index=index, task=self._task,
                seed=SEED + index, max_steps=self._steps, stop_at_success=False, store=str(store),
                **self._settings,
            )
            for index in range(BATCH)
        ]  # fmt: skip
        self._queue.purge()
        self._queue.put(
            [
                Task(id=f"episode.{job.index:05d}", kind="rollout", group="rollout", payload=job.to_payload())
                for job in jobs
            ]
        )
        self._round += 1
        before, began = self._worker.steps, time.process_time()
        while self._worker.tick():
            pass
        spent = time.process_time() - began
        done, steps = self._queue.ledger().done, self._worker.steps - before
        if (done, steps) != (BATCH, BATCH * self._steps):
            raise RuntimeError(f"{done} episodes with {steps} steps were done")
        return steps / spent


def _student(folder):
    """A collective policy of the default size with random weights; gives its sha256."""
    config = TrajectoryTransformerConfig()
    torch.manual_seed(0)
    transformer = TrajectoryTransformer(config, state_size=COMPRESSED_SIZE, action_size=ACTION_SIZE)
    policy = CollectivePolicy(
        CollectivePolicyConfig(),
        transformer=transformer,
        state_size=COMPRESSED_SIZE,
        action_size=ACTION_SIZE,
        tasks=TASKS,
        code_size=config.code_size,
    )
    return save_collective(folder, policy)


if __name__ == "__main__":
    main()
