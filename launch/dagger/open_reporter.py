"""The reporter of a DAgger run, with its displays and reports."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from potstill.launch.reporting.event_log import EventLog, read_events
from potstill.launch.reporting.progress_display import ProgressDisplay
from potstill.launch.reporting.report_files import write_report_html, write_report_json
from potstill.launch.reporting.run_progress import RunProgress
from potstill.launch.reporting.run_reporter import EventDisplay, RunReporter
from potstill.launch.reporting.tensorboard_sink import TensorboardSink
from potstill.launch.run_directory import RunDirectory


def open_reporter(directory: RunDirectory, *, displays: Sequence[EventDisplay] | None = None) -> RunReporter:
    """Of a new or a resumed run; ``displays`` replaces the terminal and TensorBoard."""
    log = EventLog(directory.events)
    if displays is None:
        progress = RunProgress()
        progress.update_all(read_events(directory.events))
        displays = (ProgressDisplay(progress), TensorboardSink(directory.tensorboard))
    return RunReporter(
        log,
        displays,
        write_json=functools.partial(write_report_json, directory),
        write_html=functools.partial(write_report_html, directory),
    )
