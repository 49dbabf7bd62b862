"""The contract of the task queue; the Redis queue and its in-memory twin pass one test suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from potstill.queues.queue_metrics import QueueMetrics
from potstill.queues.task import DeadLetter, Lease, Ledger, Task


class TaskQueue(Protocol):
    """Leased tasks with at-least-once delivery and an exactly-once ledger.

    ::

        put -> WAITING --lease--> LEASED --ack--> DONE
                  ^                 | fail (attempts left; back-off) / expiry (attempts left; at once)
                  +-----------------+
                  |                 | fail / expiry (no attempts left) --> DEAD
                  +----cancel-------+------------------------------------> CANCELLED

    A task may be *delivered* more than once (a worker died, stalled or lost its network); it is *counted*
    once: only the holder of the newest fence can acknowledge. Handlers must therefore be idempotent; the
    episode store's first-commit-wins makes them so. Only the server's clock is used. One queue object serves
    one run: its namespace never meets another run's.
    """

    def put(self, tasks: Sequence[Task], *, wait_seconds: float = 0.0) -> int:
        """Submit tasks; ids already known to this run are ignored. Returns how many were new.

        Blocks up to ``wait_seconds`` while a bounded queue is full, then raises ``QueueFullError``.
        """

    def lease(
        self,
        kinds: Sequence[str],
        *,
        owner: str,
        max_tasks: int = 1,
        lease_seconds: float,
        wait_seconds: float,
    ) -> list[Lease]:
        """Take up to ``max_tasks``; blocks (no polling) up to ``wait_seconds`` for the first one.

        Expired leases of others are reaped first. Highest priority first over all kinds, FIFO within one.
        """

    def extend(self, leases: Sequence[Lease], *, lease_seconds: float) -> list[bool]:
        """Push the deadlines out; False where the lease is no longer held (stop that work)."""

    def ack(self, lease: Lease, result: Mapping[str, Any] | None = None) -> None:
        """Mark done and store the (small) result. Repeating one's own ack is harmless.

        Raises:
            LeaseLostError: another worker holds the task, or it is done, dead or cancelled.
        """

    def ack_many(self, done: Sequence[tuple[Lease, Mapping[str, Any]]]) -> list[bool]:
        """``ack`` for a batch of leases and their results at once; False where ``ack`` would raise."""

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
        """``ack_many`` and then ``lease`` for the price of one: the loop of a worker on small tasks."""

    def fail(self, lease: Lease, error: str, *, retry: bool = True) -> None:
        """Give the task back with an error; it backs off, or becomes a dead letter when attempts are used up.

        Raises:
            LeaseLostError: the lease is no longer held.
        """

    def release(self, lease: Lease) -> None:
        """Give the task back untouched (graceful shutdown); the attempt does not count. No error if lost."""

    def cancel(self, group: str) -> int:
        """Cancel every task of the group that is not done or dead, leased ones included. Returns how many.

        Who works on one learns it with the next heartbeat: within a third of the lease.
        """

    def cancel_tasks(self, task_ids: Sequence[str]) -> int:
        """Cancel those of these tasks that are waiting or leased. Returns how many."""

    def forget(self, group: str) -> int:
        """Delete a settled group with its tasks, results and counts, as if it had never been. Returns how many
        tasks. Until then finished tasks, and what they were about, are kept.

        Raises:
            ValueError: tasks of the group are waiting or leased.
        """

    def adopt(self, tasks: Sequence[Task], results: Sequence[Mapping[str, Any]]) -> int:
        """Record work whose results are already in files as done (submitting it if unknown). Returns how many
        changed state. Used on resume, when the files know more than the server.
        """

    def revive(self, task_ids: Sequence[str]) -> int:
        """Put done, dead or cancelled tasks back to waiting with fresh attempts (their files are gone, or a
        person asked). Returns how many.
        """

    def reap_expired(self) -> int:
        """Return expired leases to the queue or the dead letters. Returns how many. ``lease`` does it too."""

    def ledger(self, group: str | None = None) -> Ledger:
        """Exact counts of one group, or of the whole run."""

    def groups(self) -> list[str]:
        """All groups ever submitted, sorted."""

    def results(self, group: str) -> dict[str, dict[str, Any]]:
        """Result of every done task of the group, by task id."""

    def gather(self, group: str, *, wait_seconds: float) -> Ledger:
        """Wait (no polling) until the group is settled or time is up, reaping expired leases meanwhile.

        Returns the ledger as it stands; check ``settled``. State lives on the server, so a new runner may
        gather what an old one submitted.
        """

    def dead_letters(self, group: str | None = None) -> list[DeadLetter]:
        """The tasks that used up their attempts."""

    def depth(self) -> dict[str, int]:
        """Waiting tasks by kind, for progress displays."""

    def metrics(self) -> QueueMetrics:
        """Everything that can be measured, in one reading."""

    def publish_heartbeat(self, owner: str, facts: Mapping[str, Any], *, ttl_seconds: float) -> None:
        """Say that a worker lives, with small facts (kind, pid, host, task, rates); forgotten after ttl."""

    def workers(self) -> dict[str, dict[str, Any]]:
        """Facts of the workers whose heartbeat is fresh, by owner."""

    def purge(self) -> None:
        """Delete every key of this run; other runs on the server are untouched."""
