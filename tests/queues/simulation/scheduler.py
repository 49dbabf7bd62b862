"""One heap of events, one seeded generator, one clock: everything in a simulation happens through it."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

#: What an event returns that found nothing to do; it is no step.
STALE = object()
#: One tick of simulated time: exact as milliseconds and as a binary fraction of a second.
TICK_MS = 125


class Scheduler:
    """Runs events in order of time; the order of simultaneous ones is drawn.

    Args:
        seed: Everything follows from it.
        trace: Where each event says what it does; None: nowhere.
    """

    def __init__(self, seed: int, trace: Callable[[str], None] | None = None) -> None:
        self.random = random.Random(seed)
        self.now = 0
        self.steps = 0
        self.counts: Counter[str] = Counter()
        self.trace = trace
        self._heap: list[tuple[int, float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._order = itertools.count()

    def after(self, ticks: int, action: Callable[..., Any], *arguments: Any) -> None:
        """Run ``action`` so many ticks from now."""
        event = (self.now + ticks, self.random.random(), next(self._order), action, arguments)
        heapq.heappush(self._heap, event)

    def step(self) -> None:
        """Run the next event that has something to do."""
        while True:
            self.now, _, _, action, arguments = heapq.heappop(self._heap)
            if action(*arguments) is not STALE:
                self.steps += 1
                return

    def say(self, what: str, **about: Any) -> None:
        """Count something that happened, and write it to the trace."""
        self.counts[what] += 1
        if self.trace:
            facts = " ".join(f"{key}={value}" for key, value in about.items())
            self.trace(f"{self.steps:5d} {self.now * TICK_MS / 1000:8.3f} s  {what}  {facts}")
