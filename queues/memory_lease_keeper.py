"""A lease keeper without a process, for ``MemoryTaskQueue``."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from potstill.queues.task import Lease
from potstill.queues.task_queue import TaskQueue


class MemoryLeaseKeeper:
    """Twin of ``LeaseKeeper``: extends the held leases whenever ``lost`` is asked, on the queue's own clock.

    Args:
        queue: Where the leases come from.
        lease_seconds: What they were taken with.
        owner: As in ``TaskQueue.lease``.
        facts: Of the heartbeat.
    """

    def __init__(
        self, queue: TaskQueue, *, lease_seconds: float, owner: str, facts: Mapping[str, Any]
    ) -> None:
        self._queue = queue
        self._lease_seconds = lease_seconds
        self._owner = owner
        self._facts = dict(facts)
        self._held: dict[str, Lease] = {}

    def hold(self, lease: Lease) -> None:
        """Extend this lease from now on."""
        self._held[lease.task.id] = lease

    def drop(self, lease: Lease) -> None:
        """Extend it no more; harmless when it is not held."""
        if self._held.get(lease.task.id) == lease:
            del self._held[lease.task.id]

    def report(self, facts: Mapping[str, Any]) -> None:
        """Change facts of the heartbeat."""
        self._facts |= facts

    def lost(self) -> frozenset[str]:
        """Ids of the held tasks whose lease is gone."""
        leases = list(self._held.values())
        held = self._queue.extend(leases, lease_seconds=self._lease_seconds)
        facts = {**self._facts, "tasks": list(self._held)}
        self._queue.publish_heartbeat(self._owner, facts, ttl_seconds=self._lease_seconds)
        return frozenset(lease.task.id for lease, still in zip(leases, held, strict=True) if not still)

    def close(self) -> None:
        """Held leases will expire."""
        self._held.clear()

    def __enter__(self) -> MemoryLeaseKeeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
