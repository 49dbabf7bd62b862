"""What the runner does: round after round, each put, awaited and reconciled with the files."""

from __future__ import annotations

import random
from collections.abc import Container, Generator
from typing import Any

from simulation.broken_promise_error import BrokenPromiseError
from simulation.process import Script
from simulation.simulated_disk import SimulatedDisk

from potstill.queues.task import Task

#: How often a blocked producer tries again.
FULL_TICKS = 8
GATHER_TICKS = 16


class Plan:
    """What a runner knows for good, in files: the tasks of each round, and which round it is."""

    def __init__(self, seed: int) -> None:
        self.round = 0
        self.closing = False
        """No new round; go through all of them once more, then end."""
        self.finished = False
        self._seed = seed
        self._tasks: dict[int, list[Task]] = {}

    def tasks(self, round_index: int) -> list[Task]:
        """The same at every call."""
        if round_index not in self._tasks:
            draw = random.Random(self._seed * 1000 + round_index)
            self._tasks[round_index] = [
                Task(
                    id=f"r{round_index}.{index}",
                    kind=draw.choice(["rollout", "rollout", "evaluation"]),
                    group=f"r{round_index}",
                    priority=draw.choice([0, 0, 0, 5, 9]),
                    max_attempts=draw.choice([2, 3, 8]),
                    payload={"poison": draw.random() < 0.03},
                )
                for index in range(draw.randint(4, 12))
            ]
        return self._tasks[round_index]


def run_rounds(plan: Plan, disk: SimulatedDisk, given_up: Container[str], resubmits: bool) -> Script:
    """The runner.

    Args:
        plan: Survives it.
        disk: Where episodes are.
        given_up: Ids that were dead or cancelled when their group settled.
        resubmits: Whether it notices that the server has forgotten tasks.
    """
    while not plan.closing:
        tasks = plan.tasks(plan.round)
        yield from _finish_round(tasks, disk, resubmits)
        for task in tasks:
            if not disk.is_durable(task.id) and task.id not in given_up:
                raise BrokenPromiseError(f"the runner took {task.group} for finished without {task.id}")
        plan.round += 1
    for round_index in range(plan.round + 1):
        yield from _finish_round(plan.tasks(round_index), disk, resubmits)
    plan.finished = True


def _finish_round(tasks: list[Task], disk: SimulatedDisk, resubmits: bool) -> Generator[Any, Any, None]:
    group = tasks[0].group
    while True:
        yield from _reconcile(tasks, disk)
        while (yield ("put", tasks)) == "full":
            yield FULL_TICKS
        while True:
            ledger = yield ("gather", group)
            if ledger.settled:
                break
            yield GATHER_TICKS
        if ledger.submitted == len(tasks) or not resubmits:
            break
    yield from _reconcile(tasks, disk)


def _reconcile(tasks: list[Task], disk: SimulatedDisk) -> Generator[Any, Any, None]:
    """Tell the ledger of what files prove done."""
    done = yield ("results", tasks[0].group)
    forgotten = [task for task in tasks if disk.is_durable(task.id) and task.id not in done]
    if forgotten:
        yield ("adopt", forgotten)
