"""What the task queue must do, said a second time and as plainly as possible: no wire, no scripts, no threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from potstill.queues.task import Lease, Ledger, Task

OPEN = ("waiting", "leased")
LONGEST_BACKOFF_MS = 60_000


@dataclass(slots=True)
class ModelTask:
    """One task of the model; times are server milliseconds."""

    task: Task
    order: int
    state: str = "waiting"
    attempts: int = 0
    fence: int = 0
    failed: int = 0
    owner: str = ""
    deadline: int = 0
    ready: int = 0
    error: str = ""


class QueueModel:
    """The reference: every method says what the queue must answer at server time ``now`` (ms).

    ``"lost"`` stands for ``LeaseLostError``, ``"full"`` for ``QueueFullError``, ``"open"`` for the refusal to
    forget open tasks. Which number a fence gets is the queue's affair; it is told by ``granted``.
    """

    def __init__(self, *, max_waiting: int | None, backoff_ms: int) -> None:
        self.tasks: dict[str, ModelTask] = {}
        self._created = 0
        self._max_waiting = max_waiting
        self._backoff_ms = backoff_ms
        self._duplicates: Counter[str] = Counter()

    def put(self, now: int, tasks: Sequence[Task]) -> int | str:
        new = 0
        for task in tasks:
            if task.id in self.tasks:
                continue
            if self._max_waiting is not None and len(self._in_state("waiting")) >= self._max_waiting:
                return "full"
            self._create(task)
            new += 1
        return new

    def lease(
        self, now: int, kinds: Sequence[str], owner: str, max_tasks: int, lease_ms: int
    ) -> list[tuple[str, int, int]]:
        """(id, attempt, deadline) of each task to be handed out, in order."""
        self.reap_expired(now)
        ready = [t for t in self._in_state("waiting") if t.ready <= now and t.task.kind in kinds]
        ready.sort(key=lambda t: (-t.task.priority, t.order))
        for t in ready[:max_tasks]:
            t.state, t.owner, t.deadline = "leased", owner, now + lease_ms
            t.attempts += 1
        return [(t.task.id, t.attempts, t.deadline) for t in ready[:max_tasks]]

    def granted(self, lease: Lease) -> None:
        """Take note of the fence of a lease just handed out."""
        self.tasks[lease.task.id].fence = lease.fence

    def extend(self, now: int, leases: Sequence[Lease], lease_ms: int) -> list[bool]:
        held = [self._held(now, lease) for lease in leases]
        for t in filter(None, held):
            t.deadline = now + lease_ms
        return [t is not None for t in held]

    def ack(self, now: int, lease: Lease, result: dict | None = None) -> str | None:
        t = self.tasks.get(lease.task.id)
        if t and t.state == "done" and t.fence == lease.fence:
            return None
        if self._held(now, lease) is None:
            if t:
                self._duplicates[t.task.group] += 1
            return "lost"
        t.state = "done"
        return None

    def ack_many(self, now: int, done: Sequence[tuple[Lease, dict]]) -> list[bool]:
        return [self.ack(now, lease) is None for lease, _ in done]

    def acknowledge_and_lease(
        self, now: int, done: Sequence[tuple[Lease, dict]], *ask: Any
    ) -> tuple[list[bool], list[tuple[str, int, int]]]:
        return self.ack_many(now, done), self.lease(now, *ask)

    def fail(self, now: int, lease: Lease, error: str, retry: bool = True) -> str | None:
        t = self.tasks.get(lease.task.id)
        if t and t.failed == lease.fence:
            return None
        if self._held(now, lease) is None:
            return "lost"
        t.failed, t.error = lease.fence, error
        t.ready = now + min(self._backoff_ms * 2 ** (t.attempts - 1), LONGEST_BACKOFF_MS)
        t.state = "waiting" if retry and t.attempts < t.task.max_attempts else "dead"
        return None

    def release(self, now: int, lease: Lease) -> None:
        t = self._held(now, lease)
        if t:
            t.state, t.attempts = "waiting", t.attempts - 1

    def reap_expired(self, now: int) -> int:
        # Once over, a back-off stays over, though the clock be set back.
        for t in self._in_state("waiting"):
            t.ready = t.ready if t.ready > now else 0
        expired = [t for t in self._in_state("leased") if t.deadline <= now]
        for t in expired:
            t.state = "waiting" if t.attempts < t.task.max_attempts else "dead"
            t.error, t.ready = f"lease expired (worker {t.owner} died or hung)", 0
        return len(expired)

    def cancel(self, now: int, group: str) -> int:
        return self.cancel_tasks(now, [t.task.id for t in self.tasks.values() if t.task.group == group])

    def cancel_tasks(self, now: int, task_ids: Sequence[str]) -> int:
        tasks = [t for t in self._in_state(*OPEN) if t.task.id in task_ids]
        for t in tasks:
            t.state = "cancelled"
        return len(tasks)

    def forget(self, now: int, group: str) -> int | str:
        tasks = [t for t in self.tasks.values() if t.task.group == group]
        if any(t.state in OPEN for t in tasks):
            return "open"
        for t in tasks:
            del self.tasks[t.task.id]
        del self._duplicates[group]
        return len(tasks)

    def adopt(self, now: int, tasks: Sequence[Task]) -> int:
        changed = 0
        for task in tasks:
            t = self.tasks.get(task.id) or self._create(task)
            if t.state != "done":
                # No worker holds the fence of an adopted task.
                t.state, t.fence = "done", -1
                changed += 1
        return changed

    def revive(self, now: int, task_ids: Sequence[str]) -> int:
        tasks = [t for t in self.tasks.values() if t.task.id in task_ids and t.state not in OPEN]
        for t in tasks:
            t.state, t.attempts, t.failed, t.error, t.ready = "waiting", 0, 0, "", 0
        return len(tasks)

    def gather(self, now: int, group: str) -> Ledger:
        self.reap_expired(now)
        return self.ledger(group)

    def results(self, now: int, group: str) -> list[str]:
        return sorted(t.task.id for t in self._in_state("done") if t.task.group == group)

    def dead_letters(self) -> list[tuple[str, int, str]]:
        """(id, attempts, error) of every dead task, by id."""
        return sorted((t.task.id, t.attempts, t.error) for t in self._in_state("dead"))

    def depth(self) -> dict[str, int]:
        return dict(Counter(t.task.kind for t in self._in_state("waiting")))

    def groups(self) -> list[str]:
        return sorted({t.task.group for t in self.tasks.values()})

    def ledger(self, group: str | None = None) -> Ledger:
        states = [t.state for t in self.tasks.values() if group is None or t.task.group == group]
        duplicates = self._duplicates.total() if group is None else self._duplicates[group]
        counts = {state: states.count(state) for state in ("waiting", "leased", "done", "dead", "cancelled")}
        return Ledger(submitted=len(states), duplicates=duplicates, **counts)

    def _create(self, task: Task) -> ModelTask:
        self._created += 1
        t = self.tasks[task.id] = ModelTask(task, order=self._created)
        return t

    def _held(self, now: int, lease: Lease) -> ModelTask | None:
        t = self.tasks.get(lease.task.id)
        held = t is not None and t.state == "leased" and t.fence == lease.fence and t.deadline > now
        return t if held else None

    def _in_state(self, *states: str) -> list[ModelTask]:
        return [t for t in self.tasks.values() if t.state in states]
