"""The task queue in one process, without a server: for tests and single-process runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from potstill.queues.errors import LeaseLostError, QueueFullError
from potstill.queues.memory_task_entry import MemoryTaskEntry
from potstill.queues.memory_task_table import MemoryTaskTable
from potstill.queues.messages import Messages
from potstill.queues.payload_store import PayloadStore, payload_scope
from potstill.queues.task import DeadLetter, Lease, Ledger, Task

_LONGEST_WAIT_SECONDS = 1.0


class MemoryTaskQueue(MemoryTaskTable):
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
        super().__init__(clock, Messages(payloads))
        self._max_waiting = max_waiting
        self._backoff_seconds = retry_backoff_seconds

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
            self._tallies[entry.task.kind]["failed"] += 1
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

    def purge(self) -> None:
        """Forget everything."""
        with self._changed:
            for known in (self._entries, self._duplicates, self._tallies, self._workers):
                known.clear()
            self._messages.free_all()
            self._changed.notify_all()

    def _encoded(self, group: str, facts: Mapping[str, Any]) -> bytes:
        return self._messages.encode(dict(facts), scope=payload_scope(group))

    def _acked(self, lease: Lease, result: Mapping[str, Any]) -> bool:
        try:
            self.ack(lease, result)
        except LeaseLostError:
            return False
        return True

    def _wait(self, give_up: float) -> None:
        """Until something changes, the next expiry or ``give_up``."""
        events = [e.deadline if e.state == "leased" else e.ready for e in self._in_state("leased", "waiting")]
        ahead = [event - self._clock() for event in events if event > self._clock()]
        self._changed.wait(max(0.0, min(give_up - time.monotonic(), _LONGEST_WAIT_SECONDS, *ahead)))


def _lost(lease: Lease, entry: MemoryTaskEntry | None) -> LeaseLostError:
    state = entry.state if entry else "unknown"
    return LeaseLostError(f"{lease.owner} no longer holds task {lease.task.id}: the task is {state}")
