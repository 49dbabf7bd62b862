"""Everything a run tells the world: the event log and, from the same events, progress and reports."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from potstill.launch.reporting.event_log import EventLog, read_events
from potstill.launch.reporting.progress_display import ProgressDisplay
from potstill.launch.reporting.report_files import write_report_html, write_report_json
from potstill.launch.reporting.run_progress import RunProgress
from potstill.launch.reporting.tensorboard_sink import TensorboardSink
from potstill.launch.run_directory import RunDirectory


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

    def __init__(self, run_dir: Path, *, displays: Sequence[EventDisplay] | None = None) -> None:
        """Open the log of a new or a resumed run; ``displays`` replaces the terminal and TensorBoard."""
        self._directory = RunDirectory(root=run_dir)
        self._log = EventLog(self._directory.events)
        if displays is None:
            progress = RunProgress()
            progress.update_all(read_events(self._directory.events))
            displays = (ProgressDisplay(progress), TensorboardSink(self._directory.tensorboard))
        self._displays = list(displays)

    def write(self, event: str, **facts: Any) -> None:
        """Record one event and show it. After each round report.json says what is known so far."""
        record = self._log.write(event, **facts)
        for display in list(self._displays):
            self._guard(display, lambda display=display: display.show(record))
        if event in ("round_finished", "run_finished"):
            write_report_json(self._directory)

    def close(self) -> None:
        """End the session: close the displays, write both reports."""
        for display in list(self._displays):
            self._guard(display, display.close)
        self._log.close()
        write_report_json(self._directory)
        try:
            write_report_html(self._directory)
        except Exception as error:
            # A picture that cannot be drawn must not turn a finished run into a failed one.
            print(f"potstill: report.html was not written: {type(error).__name__}: {error}", file=sys.stderr)

    def _guard(self, display: EventDisplay, action: Any) -> None:
        try:
            action()
        except Exception as error:
            self._displays.remove(display)
            name = type(display).__name__
            print(f"potstill: {name} failed and is off: {type(error).__name__}: {error}", file=sys.stderr)
