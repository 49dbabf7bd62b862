"""Has a stage's tasks done by whoever works on the queue, and waits until every one of them is settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from potstill.launch.engine.stage import Stage
from potstill.launch.errors import FinishedShortError, RunFailedError
from potstill.queues.task import Ledger, Task
from potstill.queues.task_queue import TaskQueue

#: How long a runner blocks on the ledger before it looks after the pools and the progress display.
TICK_SECONDS = 1.0


class StageExecution:
    """May be killed anywhere and called again with the same tasks: what is done counts, what is queued is awaited."""

    def __init__(self, *, queue: TaskQueue, run_dir: Path, look_after_pools: Callable[[], None]) -> None:
        self._queue = queue
        self._run_dir = run_dir
        self._look_after_pools = look_after_pools

    def complete(
        self, stage: Stage, tasks: Sequence[Task], say: Callable[[Ledger], None]
    ) -> list[dict[str, Any]]:
        """Results in the order of the tasks; ``say`` is told the ledger every second.

        Raises:
            FinishedShortError: tasks became dead letters or were cancelled; says how many are missing.
            RunFailedError: the ledger is damaged.
        """
        self._submit(stage, tasks)
        ledger = self._settle(stage, tasks, say)
        if ledger.done < ledger.submitted:
            raise FinishedShortError(
                f"{stage.name}: {ledger.done} of {ledger.submitted} done, {ledger.dead} dead, "
                f"{ledger.cancelled} cancelled; first error: {self.first_error(stage)}"
            )
        results = self._queue.results(stage.group)
        return [results[task.id] for task in tasks]

    def call_off_others(self, stage: Stage) -> None:
        """Cancel this stage's tasks under earlier settings: they would write into the same folders."""
        for group in self._queue.groups():
            if group.startswith(f"{stage.name}.") and group != stage.group:
                self._queue.cancel(group)

    def first_error(self, stage: Stage) -> str:
        """The last line of the oldest dead letter's traceback."""
        letters = self._queue.dead_letters(stage.group)
        lines = letters[0].error.strip().splitlines() if letters else []
        return lines[-1] if lines else "no error was recorded"

    def _submit(self, stage: Stage, tasks: Sequence[Task]) -> None:
        """Ask for what is not done; tasks that were given up in an earlier session get fresh attempts."""
        done = self._queue.results(stage.group)
        self._queue.revive([task.id for task in tasks if task.id not in done])
        self._queue.put(tasks)

    def _settle(self, stage: Stage, tasks: Sequence[Task], say: Callable[[Ledger], None]) -> Ledger:
        while True:
            ledger = self._queue.gather(stage.group, wait_seconds=TICK_SECONDS)
            say(ledger)
            if ledger.submitted < len(tasks):
                self._put_again(stage, tasks, ledger)
            elif ledger.settled:
                return ledger
            self._look_after_pools()

    def _put_again(self, stage: Stage, tasks: Sequence[Task], ledger: Ledger) -> None:
        """The server's machine crashed and took its newest writes with it."""
        if not self._queue.put(tasks):
            raise RunFailedError(
                f"{stage.name}: the queue knows all {len(tasks)} tasks and counts {ledger.submitted}: its ledger is "
                f"damaged; restore it with: potstill queue rebuild {self._run_dir}"
            )
