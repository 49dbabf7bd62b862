"""What the in-memory queue knows of one task."""

from __future__ import annotations

from dataclasses import dataclass

from potstill.queues.task import Task


@dataclass(kw_only=True)
class MemoryTaskEntry:
    """One task of a ``MemoryTaskQueue``; times in seconds of the queue's clock."""

    task: Task
    payload: bytes
    order: int
    submitted: float
    state: str = ""
    attempts: int = 0
    fence: int = 0
    failed: int = 0
    owner: str = ""
    delivered: float = 0.0
    deadline: float = 0.0
    ready: float = 0.0
    error: str = ""
    result: bytes = b""

    @property
    def is_open(self) -> bool:
        """Whether it is waiting or leased."""
        return self.state in ("waiting", "leased")
