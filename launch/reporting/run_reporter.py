"""Everything a run tells the world: the event log and, from the same events, progress and reports."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from potstill.launch.reporting.event_log import EventLog

#: Events after which report.json has something new to say.
_NEWS = frozenset({"evaluation_finished", "round_finished", "run_finished"})


class EventDisplay(Protocol):
    """Something that shows events; it may fail without harm to the run."""

    def show(self, event: Mapping[str, Any]) -> None:
        """Take in one event."""

    def close(self) -> None:
        """Give back what it holds."""


class RunReporter:
    """``write`` events while the run lasts, ``close`` when the session ends.

    The event log is the truth: an event that cannot be written is an error. Displays are not: one that fails
    is dropped with a word on stderr, and the run goes on.
    """

    def __init__(
        self,
        log: EventLog,
        displays: Sequence[EventDisplay],
        *,
        write_json: Callable[[], None],
        write_html: Callable[[], None],
    ) -> None:
        """Take over the log of a new or a resumed run.

        Args:
            log: Of the run directory.
            displays: Shown every event.
            write_json: Recomputes report.json from the log; called after evaluations and at the end.
            write_html: Draws report.html; called at the end.
        """
        self._log = log
        self._displays = list(displays)
        self._write_json = write_json
        self._write_html = write_html

    def write(self, event: str, **facts: Any) -> None:
        """Record one event and show it. After each evaluation report.json says what is known so far."""
        record = self._log.write(event, **facts)
        for display in list(self._displays):
            self._guard(display, functools.partial(display.show, record))
        if event in _NEWS:
            self._write_json()

    def close(self) -> None:
        """End the session: close the displays, write both reports."""
        for display in list(self._displays):
            self._guard(display, display.close)
        self._log.close()
        self._write_json()
        try:
            self._write_html()
        except Exception as error:
            # A picture that cannot be drawn must not turn a finished run into a failed one.
            print(f"potstill: report.html was not written: {type(error).__name__}: {error}", file=sys.stderr)

    def _guard(self, display: EventDisplay, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            self._displays.remove(display)
            name = type(display).__name__
            print(f"potstill: {name} failed and is off: {type(error).__name__}: {error}", file=sys.stderr)
