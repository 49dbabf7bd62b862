"""What a finished run of an expert came to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from potstill.launch.expert.report import build_expert_report
from potstill.launch.expert.run_folder import ExpertFolder
from potstill.launch.reporting.event_log import read_events


def finished_result(path: Path) -> dict[str, Any] | None:
    """The row of ``results`` in its report; None for a run that is not finished, or not there.

    Raises:
        BadInputError: the event log is damaged.
    """
    events = ExpertFolder(path).directory.events
    if not events.exists():
        return None
    report = build_expert_report(read_events(events))
    return dict(report["results"][0]) if report["finished"] else None
