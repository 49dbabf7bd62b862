"""The task queue in one process, without a server: for tests and single-process runs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from potstill.queues.codec import decode, encode
from potstill.queues.duration_histogram import bucket_of
from potstill.queues.errors import LeaseLostError, QueueFullError
from potstill.queues.memory_task_entry import MemoryTaskEntry
from potstill.queues.messages import Messages
from potstill.queues.payload_store import PayloadStore, payload_scope
from potstill.queues.queue_metrics import QueueMetrics, kind_metrics
from potstill.queues.task import DeadLetter, Lease, Ledger, Task

_LONGEST_WAIT_SECONDS = 1.0


class MemoryTaskQueue:
    """Twin of ``RedisTaskQueue``; passes the same contract suite. Threads may share it.

    Args:
        clock: Seconds; only it decides what has expired. A test passes one it can move.
        max_waiting: ``put`` blocks while this many tasks wait; None: unbounded.
        retry_backoff_seconds: Pause after the first failed attempt; doubles with each, up to 60 s.
        payloads: As in ``RedisTaskQueue``.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        *,
        max_waiting: int | None = None,
        retry_backoff_seconds: float = 1.0,
        payloads: PayloadStore | None = None,
    ) -> None:
        self._clock = clock
        self._max_waiting = max_waiting
        self._backoff_seconds = retry_backoff_seconds
        self._messages = Messages(payloads)
        self._changed = threading.Condition()
        self._fence = 0
        self._order = 0
        self._entries: dict[str, MemoryTaskEntry] = {}
        self._duplicates: Counter[str] = Counter()
        self._tallies: Counter[str] = Counter()
        self._kinds: set[str] = set()
        self._workers: dict[str, tuple[bytes, float]] = {}

    def put(self, tasks: Sequence[Task], *, wait_seconds: float = 0.0) -> int:
        """Submit tasks; see ``TaskQueue.put``. Tasks accepted before ``QueueFullError`` stay accepted."""
        # Encoded first: a bad payload must not leave half the tasks in the queue.
        bodies = [self._encoded(task.group, task.payload) for task in tasks]
        give_up = time.monotonic() + wait_seconds
        new = 0
        with self._changed:
            for index, (task, body) in enumerate(zip(tasks, bodies, strict=True)):
                if task.id in self._entries:
                    continue
                while self._max_waiting is not None and self.ledger().waiting >= self._max_waiting:
                    if time.monotonic() >= give_up:
                        raise QueueFullError(
                            f"{len(tasks) - index} tasks not accepted: {self._max_waiting} are waiting, "
                            f"the most allowed, after {wait_seconds} s"
                        )
                    self._wait(give_up)
                self._move(self._create(task, body), "waiting")
                new += 1
        return new

    def lease(
        self,
        kinds: Sequence[str],
        *,
        owner: str,
        max_tasks: int = 1,
        lease_seconds: float,
        wait_seconds: float,
    ) -> list[Lease]:
        """Take up to ``max_tasks``; see ``TaskQueue.lease``."""
        if not kinds:
            raise ValueError("kinds must name at least one kind of task")
        give_up = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                self._reap()
                now = self._clock()
                ready = [e for e in self._in_state("waiting") if e.task.kind in kinds and e.ready <= now]
                ready.sort(key=lambda entry: (-entry.task.priority, entry.order))
                if ready or time.monotonic() >= give_up:
                    return [self._grant(entry, owner, now + lease_seconds) for entry in ready[:max_tasks]]
                self._wait(give_up)

    def extend(self, leases: Sequence[Lease], *, lease_seconds: float) -> list[bool]:
        """Push the deadlines out; see ``TaskQueue.extend``."""
        with self._changed:
            held = [self._held(lease) for lease in leases]
            for entry in filter(None, held):
                entry.deadline = self._clock() + lease_seconds
            return [entry is not None for entry in held]

    def ack(self, lease: Lease, result: Mapping[str, Any] | None = None) -> None:
        """Mark done; see ``TaskQueue.ack``."""
        body = self._encoded(lease.task.group, result or {})
        with self._changed:
            entry = self._entries.get(lease.task.id)
            if entry and entry.state == "done" and entry.fence == lease.fence:
                return
            if entry is None or self._held(lease) is None:
                if entry:
                    self._duplicates[entry.task.group] += 1
                raise _lost(lease, entry)
            self._tally_duration("worked", entry, since=entry.delivered)
            self._move(entry, "done")
            entry.result = body

    def ack_many(self, done: Sequence[tuple[Lease, Mapping[str, Any]]]) -> list[bool]:
        """Mark a batch done; see ``TaskQueue.ack_many``."""
        return [self._acked(lease, result) for lease, result in done]

    def acknowledge_and_lease(
        self,
        done: Sequence[tuple[Lease, Mapping[str, Any]]],
        kinds: Sequence[str],
        *,
        owner: str,
        max_tasks: int = 1,
        lease_seconds: float,
        wait_seconds: float,
    ) -> tuple[list[bool], list[Lease]]:
        """``ack_many``, then ``lease``; see ``TaskQueue.acknowledge_and_lease``."""
        return self.ack_many(done), self.lease(
            kinds,
            owner=owner,
            max_tasks=max_tasks,
            lease_seconds=lease_seconds,
            wait_seconds=wait_seconds,
        )

    def fail(self, lease: Lease, error: str, *, retry: bool = True) -> None:
        """Give the task back with an error; see ``TaskQueue.fail``."""
        with self._changed:
            entry = self._entries.get(lease.task.id)
            if entry and entry.failed == lease.fence:
                return
            if entry is None or self._held(lease) is None:
                raise _lost(lease, entry)
            entry.failed = lease.fence
            self._tallies["failed"] += 1
            backoff = min(self._backoff_seconds * 2 ** (entry.attempts - 1), 60.0)
            self._give_back(entry, error, retry=retry, ready=self._clock() + backoff)

    def release(self, lease: Lease) -> None:
        """Give the task back untouched; see ``TaskQueue.release``."""
        with self._changed:
            if entry := self._held(lease):
                entry.attempts -= 1
                self._move(entry, "waiting")

    def cancel(self, group: str) -> int:
        """Cancel the open tasks of a group; see ``TaskQueue.cancel``."""
        with self._changed:
            return self.cancel_tasks([e.task.id for e in self._entries.values() if e.task.group == group])

    def cancel_tasks(self, task_ids: Sequence[str]) -> int:
        """Cancel single tasks; see ``TaskQueue.cancel_tasks``."""
        with self._changed:
            known = [
                self._entries[task_id] for task_id in dict.fromkeys(task_ids) if task_id in self._entries
            ]
            entries = [entry for entry in known if entry.is_open]
            for entry in entries:
                self._move(entry, "cancelled")
            return len(entries)

    def forget(self, group: str) -> int:
        """Delete a settled group; see ``TaskQueue.forget``."""
        with self._changed:
            entries = [entry for entry in self._entries.values() if entry.task.group == group]
            if any(entry.is_open for entry in entries):
                raise ValueError(f"group {group} has tasks that are waiting or leased: cancel them first")
            for entry in entries:
                del self._entries[entry.task.id]
            del self._duplicates[group]
            self._messages.free(payload_scope(group))
            return len(entries)

    def adopt(self, tasks: Sequence[Task], results: Sequence[Mapping[str, Any]]) -> int:
        """Record work that files prove done; see ``TaskQueue.adopt``."""
        bodies = [
            (self._encoded(task.group, task.payload), self._encoded(task.group, result))
            for task, result in zip(tasks, results, strict=True)
        ]
        changed = 0
        with self._changed:
            for task, (payload, result) in zip(tasks, bodies, strict=True):
                entry = self._entries.get(task.id) or self._create(task, payload)
                if entry.state != "done":
                    self._move(entry, "done")
                    entry.result, entry.fence = result, self._new_fence()
                    changed += 1
        return changed

    def revive(self, task_ids: Sequence[str]) -> int:
        """Put finished tasks back to waiting; see ``TaskQueue.revive``."""
        with self._changed:
            closed = self._in_state("done", "dead", "cancelled")
            entries = [entry for entry in closed if entry.task.id in task_ids]
            for entry in entries:
                entry.attempts, entry.error, entry.failed, entry.ready = 0, "", 0, 0.0
                entry.submitted = self._clock()
                self._move(entry, "waiting")
            return len(entries)

    def reap_expired(self) -> int:
        """Return expired leases to the queue; see ``TaskQueue.reap_expired``."""
        with self._changed:
            return self._reap()

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

    def results(self, group: str) -> dict[str, dict[str, Any]]:
        """Results of the done tasks of a group, by task id."""
        with self._changed:
            done = [entry for entry in self._in_state("done") if entry.task.group == group]
            return {entry.task.id: self._messages.decode(entry.result) for entry in done}

    def gather(self, group: str, *, wait_seconds: float) -> Ledger:
        """Wait until the group is settled; see ``TaskQueue.gather``."""
        give_up = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                self._reap()
                ledger = self.ledger(group)
                if ledger.settled or time.monotonic() >= give_up:
                    return ledger
                self._wait(give_up)

    def dead_letters(self, group: str | None = None) -> list[DeadLetter]:
        """The tasks that used up their attempts, by id."""
        with self._changed:
            dead = [entry for entry in self._in_state("dead") if group in (None, entry.task.group)]
            dead.sort(key=lambda entry: entry.task.id)
            return [DeadLetter(task=self._task_of(e), attempts=e.attempts, error=e.error) for e in dead]

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
            ages = {
                kind: max(
                    (now - e.submitted for e in waiting if e.task.kind == kind and e.ready <= now), default=0
                )
                for kind in sorted(self._kinds)
            }
            return QueueMetrics(
                ledger=self.ledger(),
                groups={group: self.ledger(group) for group in self.groups()},
                kinds={
                    kind: kind_metrics(
                        kind, waiting=depth.get(kind, 0), oldest_seconds=age, tallies=self._tallies
                    )
                    for kind, age in ages.items()
                },
                backing_off=sum(entry.ready > now for entry in waiting),
                deliveries=self._tallies["delivered"],
                failures=self._tallies["failed"],
                expiries=self._tallies["expired"],
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

    def purge(self) -> None:
        """Forget everything."""
        with self._changed:
            for known in (self._entries, self._duplicates, self._tallies, self._kinds, self._workers):
                known.clear()
            self._messages.free_all()
            self._changed.notify_all()

    def _encoded(self, group: str, facts: Mapping[str, Any]) -> bytes:
        return self._messages.encode(dict(facts), scope=payload_scope(group))

    def _task_of(self, entry: MemoryTaskEntry) -> Task:
        """The task as it would come from a server: nothing shared with whoever put it."""
        return replace(entry.task, payload=self._messages.decode(entry.payload))

    def _create(self, task: Task, payload: bytes) -> MemoryTaskEntry:
        self._order += 1
        entry = MemoryTaskEntry(task=task, payload=payload, order=self._order, submitted=self._clock())
        self._entries[task.id] = entry
        self._kinds.add(task.kind)
        return entry

    def _move(self, entry: MemoryTaskEntry, state: str) -> None:
        entry.state = state
        self._changed.notify_all()

    def _grant(self, entry: MemoryTaskEntry, owner: str, deadline: float) -> Lease:
        entry.attempts += 1
        entry.owner, entry.fence, entry.deadline = owner, self._new_fence(), deadline
        entry.delivered = self._clock()
        self._tallies["delivered"] += 1
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

    def _acked(self, lease: Lease, result: Mapping[str, Any]) -> bool:
        try:
            self.ack(lease, result)
        except LeaseLostError:
            return False
        return True

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
            self._tallies["expired"] += 1
        return len(expired)

    def _tally_duration(self, what: str, entry: MemoryTaskEntry, *, since: float) -> None:
        seconds = max(0.0, self._clock() - since)
        self._tallies[f"{what}:{entry.task.kind}:{bucket_of(seconds)}"] += 1
        self._tallies[f"{what}:{entry.task.kind}:sum"] += round(1000 * seconds)

    def _in_state(self, *states: str) -> list[MemoryTaskEntry]:
        return [entry for entry in self._entries.values() if entry.state in states]

    def _wait(self, give_up: float) -> None:
        """Until something changes, the next expiry or ``give_up``."""
        events = [e.deadline if e.state == "leased" else e.ready for e in self._in_state("leased", "waiting")]
        ahead = [event - self._clock() for event in events if event > self._clock()]
        self._changed.wait(max(0.0, min(give_up - time.monotonic(), _LONGEST_WAIT_SECONDS, *ahead)))


def _lost(lease: Lease, entry: MemoryTaskEntry | None) -> LeaseLostError:
    state = entry.state if entry else "unknown"
    return LeaseLostError(f"{lease.owner} no longer holds task {lease.task.id}: the task is {state}")
