"""The tasks of the in-memory queue and how they change state; who waits for what is the queue's business."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from potstill.queues.codec import decode, encode
from potstill.queues.duration_histogram import bucket_of
from potstill.queues.memory_task_entry import MemoryTaskEntry
from potstill.queues.messages import Messages
from potstill.queues.queue_metrics import QueueMetrics, kind_metrics
from potstill.queues.task import Lease, Ledger, Task


class MemoryTaskTable:
    """What the Redis server and its scripts are to ``RedisTaskQueue``.

    Args:
        clock: Seconds; only it decides what has expired.
        messages: How payloads and results are written.
    """

    def __init__(self, clock: Callable[[], float], messages: Messages) -> None:
        self._clock = clock
        self._messages = messages
        # Guards everything; notified at each change of state.
        self._changed = threading.Condition()
        self._fence = 0
        self._order = 0
        self._entries: dict[str, MemoryTaskEntry] = {}
        self._duplicates: Counter[str] = Counter()
        self._tallies: dict[str, Counter[str]] = {}
        self._workers: dict[str, tuple[bytes, float]] = {}

    def ledger(self, group: str | None = None) -> Ledger:
        """Exact counts; see ``TaskQueue.ledger``."""
        with self._changed:
            states = [e.state for e in self._entries.values() if group in (None, e.task.group)]
            duplicates = self._duplicates.total() if group is None else self._duplicates[group]
            return Ledger(submitted=len(states), duplicates=duplicates, **Counter(states))

    def groups(self) -> list[str]:
        """All groups, sorted."""
        with self._changed:
            return sorted({entry.task.group for entry in self._entries.values()})

    def depth(self) -> dict[str, int]:
        """Waiting tasks by kind (back-off included); kinds with none are left out."""
        with self._changed:
            return dict(Counter(entry.task.kind for entry in self._in_state("waiting")))

    def metrics(self) -> QueueMetrics:
        """Everything that can be measured; see ``TaskQueue.metrics``."""
        with self._changed:
            now = self._clock()
            waiting = self._in_state("waiting")
            depth = self.depth()
            totals = sum(self._tallies.values(), Counter[str]())
            ages = {
                kind: max(
                    (now - e.submitted for e in waiting if e.task.kind == kind and e.ready <= now), default=0
                )
                for kind in sorted(self._tallies)
            }
            return QueueMetrics(
                ledger=self.ledger(),
                groups={group: self.ledger(group) for group in self.groups()},
                kinds={
                    kind: kind_metrics(
                        waiting=depth.get(kind, 0), oldest_seconds=age, tallies=self._tallies[kind]
                    )
                    for kind, age in ages.items()
                },
                backing_off=sum(entry.ready > now for entry in waiting),
                deliveries=totals["delivered"],
                failures=totals["failed"],
                expiries=totals["expired"],
                workers=self.workers(),
            )

    def publish_heartbeat(self, owner: str, facts: Mapping[str, Any], *, ttl_seconds: float) -> None:
        """Say that a worker lives; see ``TaskQueue.publish_heartbeat``."""
        with self._changed:
            self._workers[owner] = (encode(dict(facts)), self._clock() + ttl_seconds)

    def workers(self) -> dict[str, dict[str, Any]]:
        """Facts of the workers whose heartbeat is fresh, by owner."""
        with self._changed:
            self._workers = {owner: beat for owner, beat in self._workers.items() if beat[1] > self._clock()}
            return {owner: decode(facts) for owner, (facts, _) in self._workers.items()}

    def _task_of(self, entry: MemoryTaskEntry) -> Task:
        """The task as it would come from a server: nothing shared with whoever put it."""
        return replace(entry.task, payload=self._messages.decode(entry.payload))

    def _create(self, task: Task, payload: bytes) -> MemoryTaskEntry:
        self._order += 1
        entry = MemoryTaskEntry(task=task, payload=payload, order=self._order, submitted=self._clock())
        self._entries[task.id] = entry
        self._tallies.setdefault(task.kind, Counter())
        return entry

    def _move(self, entry: MemoryTaskEntry, state: str) -> None:
        entry.state = state
        self._changed.notify_all()

    def _grant(self, entry: MemoryTaskEntry, owner: str, deadline: float) -> Lease:
        entry.attempts += 1
        entry.owner, entry.fence, entry.deadline = owner, self._new_fence(), deadline
        entry.delivered = self._clock()
        self._tallies[entry.task.kind]["delivered"] += 1
        if entry.attempts == 1:
            self._tally_duration("waited", entry, since=entry.submitted)
        self._move(entry, "leased")
        return Lease(
            task=self._task_of(entry),
            owner=owner,
            fence=entry.fence,
            attempt=entry.attempts,
            deadline=deadline,
        )

    def _new_fence(self) -> int:
        # Follows the clock: not even a queue that lost its newest changes gives a fence twice.
        self._fence = max(self._fence, int(self._clock() * 1e6)) + 1
        return self._fence

    def _held(self, lease: Lease) -> MemoryTaskEntry | None:
        entry = self._entries.get(lease.task.id)
        if entry is None or entry.state != "leased" or entry.fence != lease.fence:
            return None
        return entry if entry.deadline > self._clock() else None

    def _give_back(self, entry: MemoryTaskEntry, error: str, *, retry: bool, ready: float) -> None:
        entry.error, entry.ready = error, ready
        self._move(entry, "waiting" if retry and entry.attempts < entry.task.max_attempts else "dead")

    def _reap(self) -> int:
        now = self._clock()
        # Once over, a back-off stays over, though the clock be set back.
        for entry in self._in_state("waiting"):
            entry.ready = entry.ready if entry.ready > now else 0.0
        expired = [entry for entry in self._in_state("leased") if entry.deadline <= now]
        for entry in expired:
            error = f"lease expired (worker {entry.owner} died or hung)"
            self._give_back(entry, error, retry=True, ready=0.0)
            self._tallies[entry.task.kind]["expired"] += 1
        return len(expired)

    def _tally_duration(self, what: str, entry: MemoryTaskEntry, *, since: float) -> None:
        seconds = max(0.0, self._clock() - since)
        tallies = self._tallies[entry.task.kind]
        tallies[f"{what}:{bucket_of(seconds)}"] += 1
        tallies[f"{what}:sum"] += round(1000 * seconds)

    def _in_state(self, *states: str) -> list[MemoryTaskEntry]:
        return [entry for entry in self._entries.values() if entry.state in states]
