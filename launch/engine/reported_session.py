"""One session of a run in its event log: from ``run_started`` to ``session_ended``, however it ends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from potstill.launch.reporting.run_reporter import RunReporter


@contextlib.contextmanager
def reported_session(reporter: RunReporter, **facts: Any) -> Iterator[None]:
    """Says that a run has begun or goes on (``facts``), and at the end for how long; both reports are written then."""
    started = time.monotonic()
    reporter.write("run_started", **facts)
    try:
        yield
    finally:
        reporter.write("session_ended", seconds=time.monotonic() - started)
        reporter.close()
