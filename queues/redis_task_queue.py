"""The task queue on a Redis server: every change of state is one Lua script (``lua/task_*.lua``)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from potstill.queues.codec import encode
from potstill.queues.errors import LeaseLostError, MalformedMessageError, QueueFullError
from potstill.queues.lua_scripts import Command, script_command
from potstill.queues.messages import Messages
from potstill.queues.payload_store import PayloadStore, payload_scope
from potstill.queues.queue_metrics import QueueMetrics
from potstill.queues.redis_connection import RedisConnection, block_seconds
from potstill.queues.redis_keys import RedisKeys
from potstill.queues.redis_queue_metrics import read_facts, redis_queue_metrics
from potstill.queues.redis_task_rows import RedisTaskRows
from potstill.queues.task import DeadLetter, Lease, Ledger, Task

#: Payloads and results stay with the ledger (a done task may be revived); larger data goes into a file.
MAX_TASK_BYTES = 1024 * 1024
#: Longest back-off after failures.
MAX_BACKOFF_SECONDS = 60.0
#: Errors are kept to this many characters, the end (where the exception is named) first.
MAX_ERROR_CHARACTERS = 16_000

_TASKS_PER_CALL = 100


class RedisTaskQueue:
    """``TaskQueue`` of one run (see there for the life of a task).

    Blocked workers sleep in ``BLPOP`` on a list that gets one token per new task; they also wake for the next
    expiry, and at least each second. Any method may be called from any thread or process.

    Args:
        connection: From ``redis_connection.connect``.
        run: Names the key space; matches ``ID_PATTERN``.
        max_waiting: ``put`` blocks while this many tasks wait; None: unbounded.
        retry_backoff_seconds: Pause after the first failed attempt; doubles with each, up to 60 s.
        payloads: Where large arrays of payloads and results go; None: everything must fit into the message.

    Every method raises ``QueueUnavailableError`` when the server stays away too long.
    """

    def __init__(
        self,
        connection: RedisConnection,
        run: str,
        *,
        max_waiting: int | None = None,
        retry_backoff_seconds: float = 1.0,
        payloads: PayloadStore | None = None,
    ) -> None:
        if max_waiting is not None and max_waiting < 1:
            raise ValueError(f"max_waiting must be at least 1 or None: got {max_waiting}")
        if retry_backoff_seconds < 0:
            raise ValueError(f"retry_backoff_seconds must not be negative: got {retry_backoff_seconds}")
        self._connection = connection
        self._keys = RedisKeys(run)
        self._max_waiting = max_waiting
        self._backoff_seconds = retry_backoff_seconds
        self._messages = Messages(payloads, max_bytes=MAX_TASK_BYTES)
        self._rows = RedisTaskRows(self._messages)

    def put(self, tasks: Sequence[Task], *, wait_seconds: float = 0.0) -> int:
        """Submit tasks; see ``TaskQueue.put``. Tasks accepted before ``QueueFullError`` stay accepted."""
        give_up = time.monotonic() + wait_seconds
        rows = [self._rows.of_task(task) for task in tasks]
        limit = -1 if self._max_waiting is None else self._max_waiting
        room, new = self._keys.of("room"), 0
        blocking: list[Command] = []
        while rows:
            chunk = rows[:_TASKS_PER_CALL]
            submit = self._command("task_put", limit, *(value for row in chunk for value in row))
            passed, added = self._connection.exchange(*blocking, submit)[-1]
            new += added
            rows = rows[passed:]
            blocking = []
            if passed < len(chunk):
                remaining = give_up - time.monotonic()
                if remaining <= 0:
                    raise QueueFullError(
                        f"{len(rows)} tasks not accepted: {limit} are waiting, the most allowed, "
                        f"after {wait_seconds} s"
                    )
                blocking = [("BLMOVE", room, room, "LEFT", "RIGHT", block_seconds(remaining))]
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
        return self.acknowledge_and_lease(
            [],
            kinds,
            owner=owner,
            max_tasks=max_tasks,
            lease_seconds=lease_seconds,
            wait_seconds=wait_seconds,
        )[1]

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
        """``ack_many``, then ``lease``, in one round trip; see ``TaskQueue.acknowledge_and_lease``."""
        if not kinds:
            raise ValueError("kinds must name at least one kind of task")
        give_up = time.monotonic() + wait_seconds
        take = self._command("task_lease", owner, max_tasks, _milliseconds(lease_seconds), len(kinds), *kinds)
        answers, event_ms, taken = self._connection.exchange((*take, *self._rows.of_results(done)))[0]
        counted = [answer == b"ok" for answer in answers]
        wake = [self._keys.of("wake", kind) for kind in kinds]
        while True:
            leases = [lease for row in taken if (lease := self._lease(row, owner)) is not None]
            remaining = give_up - time.monotonic()
            if leases or remaining <= 0:
                return counted, leases
            # Redis holds the second command back until the first ends: waiting and taking are one round trip.
            block = ("BLPOP", *wake, block_seconds(remaining, event_ms))
            _, event_ms, taken = self._connection.exchange(block, take)[-1]

    def extend(self, leases: Sequence[Lease], *, lease_seconds: float) -> list[bool]:
        """Push the deadlines out; see ``TaskQueue.extend``."""
        proofs = [value for lease in leases for value in (lease.task.id, lease.fence)]
        return [bool(held) for held in self._script("task_extend", _milliseconds(lease_seconds), *proofs)]

    def ack(self, lease: Lease, result: Mapping[str, Any] | None = None) -> None:
        """Mark done; see ``TaskQueue.ack``."""
        _check_held(lease, self._script("task_ack", *self._rows.of_results([(lease, result or {})]))[0])

    def ack_many(self, done: Sequence[tuple[Lease, Mapping[str, Any]]]) -> list[bool]:
        """Mark a batch done in one round trip; see ``TaskQueue.ack_many``."""
        return [answer == b"ok" for answer in self._script("task_ack", *self._rows.of_results(done))]

    def fail(self, lease: Lease, error: str, *, retry: bool = True) -> None:
        """Give the task back with an error; see ``TaskQueue.fail``."""
        first, longest = _milliseconds(self._backoff_seconds), _milliseconds(MAX_BACKOFF_SECONDS)
        message = error[-MAX_ERROR_CHARACTERS:].encode("utf-8", "replace")
        answer = self._script("task_fail", lease.task.id, lease.fence, message, int(retry), first, longest)
        _check_held(lease, answer)

    def release(self, lease: Lease) -> None:
        """Give the task back untouched; see ``TaskQueue.release``."""
        self._script("task_release", lease.task.id, lease.fence)

    def cancel(self, group: str) -> int:
        """Cancel the open tasks of a group; see ``TaskQueue.cancel``."""
        return self._script("task_cancel", group)

    def cancel_tasks(self, task_ids: Sequence[str]) -> int:
        """Cancel single tasks; see ``TaskQueue.cancel_tasks``."""
        return self._script("task_cancel_some", *task_ids)

    def forget(self, group: str) -> int:
        """Delete a settled group; see ``TaskQueue.forget``."""
        forgotten = self._script("task_forget", group)
        if forgotten < 0:
            raise ValueError(f"group {group} has tasks that are waiting or leased: cancel them first")
        self._messages.free(payload_scope(group))
        return forgotten

    def adopt(self, tasks: Sequence[Task], results: Sequence[Mapping[str, Any]]) -> int:
        """Record work that files prove done; see ``TaskQueue.adopt``."""
        rows = [
            (*self._rows.of_task(task), self._rows.result(task.group, result))
            for task, result in zip(tasks, results, strict=True)
        ]
        chunks = [rows[start : start + _TASKS_PER_CALL] for start in range(0, len(rows), _TASKS_PER_CALL)]
        return sum(self._script("task_adopt", *(value for row in chunk for value in row)) for chunk in chunks)

    def revive(self, task_ids: Sequence[str]) -> int:
        """Put finished tasks back to waiting; see ``TaskQueue.revive``."""
        return self._script("task_revive", *task_ids)

    def reap_expired(self) -> int:
        """Return expired leases to the queue; see ``TaskQueue.reap_expired``."""
        return self._script("task_reap")

    def ledger(self, group: str | None = None) -> Ledger:
        """Exact counts; see ``TaskQueue.ledger``."""
        return _ledger(self._script("task_ledger", *(() if group is None else (group,))))

    def groups(self) -> list[str]:
        """All groups, sorted."""
        return sorted(
            name.decode() for name in self._connection.exchange(("SMEMBERS", self._keys.of("groups")))[0]
        )

    def results(self, group: str) -> dict[str, dict[str, Any]]:
        """Results of the done tasks of a group, by task id."""
        rows = self._connection.exchange(("HGETALL", self._keys.of("results", group)))[0]
        return {name.decode(): self._messages.decode(body) for name, body in _pairs(rows)}

    def gather(self, group: str, *, wait_seconds: float) -> Ledger:
        """Wait until the group is settled; see ``TaskQueue.gather``."""
        give_up = time.monotonic() + wait_seconds
        door = self._keys.of("settled", group)
        blocking: list[Command] = []
        read = self._command("task_gather", group)
        while True:
            event_ms, counts = self._connection.exchange(*blocking, read)[-1]
            ledger, remaining = _ledger(counts), give_up - time.monotonic()
            if ledger.settled or remaining <= 0:
                return ledger
            blocking = [("BLMOVE", door, door, "LEFT", "RIGHT", block_seconds(remaining, event_ms))]

    def dead_letters(self, group: str | None = None) -> list[DeadLetter]:
        """The tasks that used up their attempts, by id."""
        groups = self.groups() if group is None else [group]
        if not groups:
            return []
        members = self._connection.exchange(*(("SMEMBERS", self._keys.of("dead", name)) for name in groups))
        ids = sorted(name.decode() for names in members for name in names)
        fields = ("kind", "group", "priority", "max_attempts", "payload", "attempts", "error", "state")
        if not ids:
            return []
        rows = self._connection.exchange(*(("HMGET", self._keys.of("task", name), *fields) for name in ids))
        # A task may have been revived, or the run purged, between the two reads.
        return [
            self._rows.dead_letter(name, row)
            for name, row in zip(ids, rows, strict=True)
            if row[-1] == b"dead"
        ]

    def depth(self) -> dict[str, int]:
        """Waiting tasks by kind (back-off included); kinds with none are left out."""
        return {kind.decode(): count for kind, count in _pairs(self._script("task_depth")) if count}

    def metrics(self) -> QueueMetrics:
        """Everything that can be measured; see ``TaskQueue.metrics``."""
        return redis_queue_metrics(self._connection, self._keys.base)

    def publish_heartbeat(self, owner: str, facts: Mapping[str, Any], *, ttl_seconds: float) -> None:
        """Say that a worker lives; see ``TaskQueue.publish_heartbeat``."""
        self._script("worker_heartbeat", owner, encode(dict(facts)), _milliseconds(ttl_seconds))

    def workers(self) -> dict[str, dict[str, Any]]:
        """Facts of the workers whose heartbeat is fresh, by owner."""
        return read_facts(self._script("worker_list"))

    def purge(self) -> None:
        """Delete every key of this run, whichever version left it."""
        cursor = b"0"
        while True:
            cursor, names = self._connection.exchange(
                ("SCAN", cursor, "MATCH", self._keys.any_layout + "*", "COUNT", 1000)
            )[0]
            if names:
                self._connection.exchange(("UNLINK", *names))
            if cursor == b"0":
                break
        self._messages.free_all()

    def _command(self, name: str, *args: Any) -> Command:
        return script_command(name, self._keys.base, *args)

    def _script(self, name: str, *args: Any) -> Any:
        return self._connection.script(name, self._keys.base, *args)

    def _lease(self, row: list[Any], owner: str) -> Lease | None:
        name, kind, group, priority, max_attempts, payload, fence, attempt, deadline_ms = row
        about = {"owner": owner, "fence": int(fence), "attempt": int(attempt), "deadline": deadline_ms / 1000}
        try:
            return Lease(
                task=self._rows.task(name.decode(), [kind, group, priority, max_attempts, payload]), **about
            )
        except MalformedMessageError as error:
            # No worker could ever read it: it must not come back.
            blank = Task(id=name.decode(), kind=kind.decode(), group=group.decode())
            self.fail(Lease(task=blank, **about), f"payload cannot be read: {error}", retry=False)
            return None


def _check_held(lease: Lease, answer: bytes) -> None:
    if answer != b"ok":
        state = answer.decode()
        raise LeaseLostError(
            f"{lease.owner} no longer holds task {lease.task.id} (fence {lease.fence}): the task is {state}"
        )


def _ledger(rows: list[Any]) -> Ledger:
    return Ledger(**{name.decode(): count for name, count in _pairs(rows)})


def _pairs(rows: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(rows[::2], rows[1::2], strict=True))


def _milliseconds(seconds: float) -> int:
    return math.ceil(seconds * 1000)
