"""How busy a worker is: the figures behind the advice to add rollout or render workers."""

from __future__ import annotations

import contextlib
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

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Time inside counts as idle."""
        began = self._clock()
        try:
            yield
        finally:
            self._waited += self._clock() - began

    def count(self, units: int) -> None:
        """``units`` of work (steps, scenes) are done; reports when it is time."""
        self._units += units
        elapsed = self._clock() - self._since
        if elapsed < REPORT_SECONDS:
            return
        busy = max(0.0, 1.0 - self._waited / elapsed)
        self._report({"busy_share": round(busy, 3), "units_per_second": round(self._units / elapsed, 1)})
        self._since, self._waited, self._units = self._clock(), 0.0, 0
