"""How busy a worker is: the figures behind the advice to add rollout or render workers."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

#: Seconds between two reports; rates are over this window.
REPORT_SECONDS = 2.0


class WorkMeter:
    """Time spent waiting for others is idle, the rest is busy; reports both with the worker's rate.

    Args:
        report: takes the facts, e.g. the lease keeper's heartbeat.
        clock: seconds, monotonic.
    """

    def __init__(
        self, report: Callable[[Mapping[str, Any]], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._report = report
        self._clock = clock
        self._since = clock()
        self._waited = 0.0
        self._units = 0
        self._latencies: list[float] = []

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Time inside counts as idle."""
        began = self._clock()
        try:
            yield
        finally:
            self._waited += self._clock() - began

    def answered(self, latency_seconds: float) -> None:
        """A request was answered so long after it was submitted."""
        self._latencies.append(latency_seconds)

    def count(self, units: int) -> None:
        """``units`` of work (steps, scenes) are done; reports when it is time."""
        self._units += units
        elapsed = self._clock() - self._since
        if elapsed < REPORT_SECONDS:
            return
        busy = max(0.0, 1.0 - self._waited / elapsed)
        facts = {"busy_share": round(busy, 3), "units_per_second": round(self._units / elapsed, 1)}
        self._report(facts | self._latency_facts())
        self._since, self._waited, self._units = self._clock(), 0.0, 0
        self._latencies.clear()

    def _latency_facts(self) -> dict[str, float]:
        if not self._latencies:
            return {}
        ordered = sorted(self._latencies)
        shares = {"latency_p50_ms": 0.5, "latency_p99_ms": 0.99}
        # The smallest latency that this share of the answers did not exceed.
        places = {name: math.ceil(share * len(ordered)) - 1 for name, share in shares.items()}
        return {name: round(1000 * ordered[place], 1) for name, place in places.items()}
