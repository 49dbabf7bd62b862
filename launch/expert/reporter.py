"""Everything the training of an expert tells the world: the event log, its displays, both reports."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from potstill.experience.atomic_write import write_atomically
from potstill.launch.expert.report import build_expert_report
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.reporting.event_log import EventLog, read_events
from potstill.launch.reporting.run_reporter import EventDisplay


class ExpertReporter:
    """``write`` events while training goes on, ``close`` when the session ends."""

    def __init__(self, folder: ExpertFolder, displays: Sequence[EventDisplay]) -> None:
        self._folder = folder
        self._log = EventLog(folder.directory.events)
        self._displays = list(displays)

    def write(self, event: str, **facts: Any) -> None:
        """Record one event and show it; after an evaluation report.json says what is known so far."""
        record = self._log.write(event, **facts)
        for display in self._displays:
            display.show(record)
        if event in ("evaluation_finished", "run_finished"):
            write_expert_report(self._folder)

    def close(self) -> None:
        """End the session: close the displays, write both reports."""
        for display in self._displays:
            display.close()
        self._log.close()
        write_expert_report(self._folder)
        try:
            write_expert_page(self._folder)
        except Exception as error:
            # A picture that cannot be drawn must not turn a finished training into a failed one.
            print(f"potstill: report.html was not written: {type(error).__name__}: {error}", file=sys.stderr)


def write_expert_report(folder: ExpertFolder) -> None:
    """Recompute report.json from the events."""
    report = build_expert_report(read_events(folder.directory.events))
    write_atomically(folder.directory.report_json, (json.dumps(report, indent=1) + "\n").encode())


def write_expert_page(folder: ExpertFolder) -> None:
    """Draw report.html: one file, nothing to download."""
    # Jinja and the charts are of no use to a training that is still going on.
    from potstill.launch.expert.html_report import render_expert_report

    page = render_expert_report(
        events=read_events(folder.directory.events),
        config=folder.read_config(),
        provenance=folder.directory.read_provenance(),
    )
    write_atomically(folder.directory.report_html, page.encode())
