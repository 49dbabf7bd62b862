"""Many seeds, on as many processes as wanted."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from simulation.simulation import Outcome, run_seed

_SEEDS_PER_JOB = 50


@dataclass
class Summary:
    """What many seeds showed."""

    seeds: int = 0
    steps: int = 0
    broken: list[Outcome] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one seed."""
        self.seeds += 1
        self.steps += outcome.steps
        self.counts += outcome.counts
        if outcome.broken:
            self.broken.append(outcome)


def run_many(seeds: Iterable[int], *, steps: int, processes: int) -> Summary:
    """Run each seed on the twin in memory."""
    summary = Summary()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for outcome in pool.map(partial(run_seed, steps=steps), seeds, chunksize=_SEEDS_PER_JOB):
            summary.add(outcome)
    return summary
