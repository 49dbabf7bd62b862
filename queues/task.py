"""The records of the queue: what is put in, what is leased, what the ledger counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Every id that reaches a key, a path or a URL matches this.
ID_PATTERN = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,99}\Z")
#: Priorities run from 0 (default) to this; a higher one is leased first.
MAX_PRIORITY = 9


@dataclass(frozen=True, kw_only=True)
class Task:
    """One unit of leased work. Putting the same id twice is one task."""

    id: str
    """Derived from the work's content, e.g. ``round_01.rollout.0007``; matches ``ID_PATTERN``."""
    kind: str
    """Which pool does it: ``rollout``, ``evaluation``, ``training``."""
    group: str
    """What the ledger counts and ``gather`` waits for, e.g. ``round_01.rollout``; matches ``ID_PATTERN``."""
    payload: Mapping[str, Any] = field(default_factory=dict)
    """Nested dicts, lists, strings, numbers, bytes, None and ndarrays; never pickled."""
    priority: int = 0
    """0..9, higher first; FIFO within one priority."""
    max_attempts: int = 3
    """Deliveries, crashes included, before the task becomes a dead letter."""

    def __post_init__(self) -> None:
        for name in ("id", "kind", "group"):
            if not ID_PATTERN.match(getattr(self, name)):
                raise ValueError(f"Task.{name} must match {ID_PATTERN.pattern}: got {getattr(self, name)!r}")
        if not 0 <= self.priority <= MAX_PRIORITY:
            raise ValueError(f"Task.priority must be 0..{MAX_PRIORITY}: got {self.priority}")
        if self.max_attempts < 1:
            raise ValueError(f"Task.max_attempts must be at least 1: got {self.max_attempts}")


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to work on one task until the deadline; the fence proves it."""

    task: Task
    owner: str
    """Who holds it, e.g. ``rollout-3@host:4711``."""
    fence: int
    """Grows with every delivery, also over a crash of the server; only the newest may extend, acknowledge or fail."""
    attempt: int
    """1 for the first delivery."""
    deadline: float
    """Server time (seconds) at which the lease expires unless extended."""


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Exact counts of one group: ``submitted = waiting + leased + done + dead + cancelled``."""

    submitted: int = 0
    waiting: int = 0
    """In the queue, or backing off after a failed attempt."""
    leased: int = 0
    done: int = 0
    dead: int = 0
    cancelled: int = 0
    duplicates: int = 0
    """Acknowledgements refused: the task was already done, or the lease was lost. Never counted as done."""

    @property
    def settled(self) -> bool:
        """Whether nothing is waiting or leased."""
        return self.submitted == self.done + self.dead + self.cancelled


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A task that used up its attempts, with the last error."""

    task: Task
    attempts: int
    error: str
    """Traceback of the last failed attempt, or ``lease expired (worker OWNER died or hung)``."""
