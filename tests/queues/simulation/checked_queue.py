"""A queue that is compared with the model after every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulation.broken_promise_error import BrokenPromiseError
from simulation.queue_model import QueueModel

from potstill.queues.errors import LeaseLostError, QueueFullError
from potstill.queues.task import Lease
from potstill.queues.task_queue import TaskQueue


class CheckedQueue:
    """Runs each operation on the queue and on the model, and raises ``BrokenPromiseError`` where they differ.

    Args:
        queue: Under test, empty.
        clock: The server's clock, in milliseconds.
        max_waiting: As the queue has it.
        backoff_ms: As the queue has it.
    """

    def __init__(
        self, queue: TaskQueue, clock: Callable[[], int], *, max_waiting: int | None, backoff_ms: int
    ) -> None:
        self.queue = queue
        self.model = QueueModel(max_waiting=max_waiting, backoff_ms=backoff_ms)
        self._clock = clock
        self._last_fence = 0

    def perform(self, operation: str, *arguments: Any) -> Any:
        """Do one operation. Returns the queue's answer; ``"lost"`` and ``"full"`` stand for the errors."""
        try:
            actual = getattr(self, f"_{operation}")(*arguments)
        except LeaseLostError:
            actual = "lost"
        except QueueFullError:
            actual = "full"
        expected = getattr(self.model, operation)(self._clock(), *arguments)
        shown = actual
        if operation == "lease":
            shown = _shown(actual)
        elif operation == "acknowledge_and_lease":
            shown = (actual[0], _shown(actual[1]))
        if shown != expected:
            raise BrokenPromiseError(f"{operation}: the queue answered {shown}, the model says {expected}")
        self._note(handed_out(operation, actual))
        self._compare("ledger", self.queue.ledger(), self.model.ledger())
        return actual

    def check_all(self) -> None:
        """Compare everything that can be asked."""
        letters = [(d.task.id, d.attempts, d.error) for d in self.queue.dead_letters()]
        self._compare("dead letters", letters, self.model.dead_letters())
        self._compare("depth", self.queue.depth(), self.model.depth())
        self._compare("groups", self.queue.groups(), self.model.groups())
        for group in self.model.groups():
            self._compare(f"ledger of {group}", self.queue.ledger(group), self.model.ledger(group))
            self._compare(f"results of {group}", self._results(group), self.model.results(0, group))

    def _note(self, leases: list[Lease]) -> None:
        for lease in leases:
            if lease.fence <= self._last_fence:
                raise BrokenPromiseError(
                    f"fence {lease.fence} of {lease.task.id} is not above {self._last_fence}"
                )
            self._last_fence = lease.fence
            self.model.granted(lease)

    @staticmethod
    def _compare(what: str, actual: Any, expected: Any) -> None:
        if actual != expected:
            raise BrokenPromiseError(f"{what}: the queue has {actual!r}, the model {expected!r}")

    def _put(self, tasks):
        return self.queue.put(tasks)

    def _lease(self, kinds, owner, max_tasks, lease_ms):
        return self.queue.lease(
            kinds, owner=owner, max_tasks=max_tasks, lease_seconds=lease_ms / 1000, wait_seconds=0.0
        )

    def _extend(self, leases, lease_ms):
        return self.queue.extend(leases, lease_seconds=lease_ms / 1000)

    def _ack(self, lease, result=None):
        return self.queue.ack(lease, result)

    def _ack_many(self, done):
        return self.queue.ack_many(done)

    def _acknowledge_and_lease(self, done, kinds, owner, max_tasks, lease_ms):
        return self.queue.acknowledge_and_lease(
            done, kinds, owner=owner, max_tasks=max_tasks, lease_seconds=lease_ms / 1000, wait_seconds=0.0
        )

    def _fail(self, lease, error, retry=True):
        return self.queue.fail(lease, error, retry=retry)

    def _release(self, lease):
        return self.queue.release(lease)

    def _reap_expired(self):
        return self.queue.reap_expired()

    def _cancel(self, group):
        return self.queue.cancel(group)

    def _cancel_tasks(self, task_ids):
        return self.queue.cancel_tasks(task_ids)

    def _forget(self, group):
        try:
            return self.queue.forget(group)
        except ValueError:
            return "open"

    def _adopt(self, tasks):
        return self.queue.adopt(tasks, [{}] * len(tasks))

    def _revive(self, task_ids):
        return self.queue.revive(task_ids)

    def _gather(self, group):
        return self.queue.gather(group, wait_seconds=0.0)

    def _results(self, group):
        return sorted(self.queue.results(group))


def handed_out(operation: str, answer: Any) -> list[Lease]:
    """The leases in the answer to an operation."""
    if operation == "lease":
        return answer
    return answer[1] if operation == "acknowledge_and_lease" else []


def _shown(leases: list[Lease]) -> list[tuple[str, int, int]]:
    return [(lease.task.id, lease.attempt, round(lease.deadline * 1000)) for lease in leases]
