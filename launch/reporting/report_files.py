"""Writes report.json and report.html of a run directory from what the run left in it."""

from __future__ import annotations

import json

from potstill.experience.atomic_write import write_atomically
from potstill.launch.reporting.event_log import read_events
from potstill.launch.reporting.report import build_report
from potstill.launch.run_directory import RunDirectory


def write_report_json(directory: RunDirectory) -> None:
    """Recompute report.json from the events; a reader sees the old one or the new one, whole."""
    report = build_report(read_events(directory.events))
    write_atomically(directory.report_json, (json.dumps(report, indent=1) + "\n").encode())


def write_report_html(directory: RunDirectory) -> None:
    """Draw report.html: one file, nothing to download."""
    # Jinja, numpy and the video encoder are of no use to a run that is still going on.
    from potstill.launch.reporting.html_report import render_html_report
    from potstill.launch.reporting.round_media import collect_round_media

    events = read_events(directory.events)
    page = render_html_report(
        events=events,
        config=directory.read_config(),
        provenance=directory.read_provenance(),
        media=collect_round_media(directory.episodes),
    )
    write_atomically(directory.report_html, page.encode())
