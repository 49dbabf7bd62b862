"""The reporter and the reports of one expert."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence

from potstill.experience.atomic_write import write_atomically
from potstill.launch.expert.report import build_expert_report
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.reporting.event_log import EventLog, read_events
from potstill.launch.reporting.run_reporter import EventDisplay, RunReporter


def open_expert_reporter(folder: ExpertFolder, displays: Sequence[EventDisplay]) -> RunReporter:
    """Everything the training of an expert tells the world: the event log, ``displays``, both reports."""
    return RunReporter(
        EventLog(folder.directory.events),
        displays,
        write_json=functools.partial(write_expert_report, folder),
        write_html=functools.partial(write_expert_page, folder),
    )


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
