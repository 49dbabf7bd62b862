"""The reporter and the reports of a collective run."""

from __future__ import annotations

import functools
import json

from potstill.experience.atomic_write import write_atomically
from potstill.launch.collective.progress_line import progress_line
from potstill.launch.collective.report import build_collective_report
from potstill.launch.reporting.event_log import EventLog, read_events
from potstill.launch.reporting.line_display import LineDisplay
from potstill.launch.reporting.run_reporter import RunReporter
from potstill.launch.run_directory import RunDirectory


def open_collective_reporter(directory: RunDirectory) -> RunReporter:
    """Of a new or a resumed run."""
    return RunReporter(
        EventLog(directory.events),
        [LineDisplay(progress_line)],
        write_json=functools.partial(write_collective_report, directory),
        write_html=functools.partial(write_collective_page, directory),
    )


def write_collective_report(directory: RunDirectory) -> None:
    """Recompute report.json from the events."""
    report = build_collective_report(read_events(directory.events))
    write_atomically(directory.report_json, (json.dumps(report, indent=1) + "\n").encode())


def write_collective_page(directory: RunDirectory) -> None:
    """Draw report.html: one file, nothing to download."""
    # Jinja and the charts are of no use to a run that is still going on.
    from potstill.launch.collective.html_report import render_collective_report

    page = render_collective_report(
        events=read_events(directory.events),
        config=directory.read_config(),
        provenance=directory.read_provenance(),
    )
    write_atomically(directory.report_html, page.encode())
