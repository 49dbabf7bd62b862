"""Faults put into the code on purpose: a harness that misses one of them proves nothing."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.worker_scripts import Commit, commit_in_order

from potstill.queues.memory_task_queue import MemoryTaskQueue


@dataclass(frozen=True, kw_only=True)
class PlantedBug:
    """One deviation from what is right; the defaults have none."""

    name: str = "none"
    queue: type[MemoryTaskQueue] = MemoryTaskQueue
    commit: Commit = commit_in_order
    acknowledges_first: bool = False
    heart_outlives_worker: bool = False
    callers_clock: bool = False
    resubmits: bool = True


NO_BUG = PlantedBug()
