"""Where a collective run stands, from its files and, while it is alive, from its queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from potstill.cluster.embedded_redis import live_url
from potstill.launch.collective.progress_line import progress_line
from potstill.launch.collective.report import build_collective_report
from potstill.launch.engine.live_facts import live_facts
from potstill.launch.only_runner import has_runner
from potstill.launch.reporting.event_log import read_events
from potstill.launch.run_directory import open_run_directory


def read_collective_status(run_dir: Path, *, redis_url: str | None = None) -> dict[str, Any]:
    """The run's ``state`` (finished, running, stopped after a step as asked, interrupted), what it did last, its
    rounds, and of a live run its workers and queue.

    Args:
        run_dir: As this machine sees it.
        redis_url: Of the server the run uses; None: of the embedded one, if it is alive.
    """
    directory = open_run_directory(run_dir)
    events = read_events(directory.events)
    report = build_collective_report(events)
    running = has_runner(directory.root)
    lines = [line.text for line in map(progress_line, events) if line is not None]
    status = {
        "recipe": report["recipe"],
        "state": _state(events, running=running, finished=report["finished"]),
        "finished": report["finished"],
        "last": lines[-1] if lines else "starting",
        "wall_seconds": round(report["wall_seconds"], 1),
        "rounds": report["rounds"],
        "summary": report["summary"],
    }
    if redis_url is None and running:
        redis_url = live_url(directory.root / "redis")
    return status | (live_facts(redis_url, str(events[0]["run"])) if redis_url and events else {})


def _state(events: Sequence[Mapping[str, Any]], *, running: bool, finished: bool) -> str:
    if finished or running:
        return "finished" if finished else "running"
    marks = [event["event"] for event in events if event["event"] in ("run_started", "step_finished")]
    return "stopped" if marks and marks[-1] == "step_finished" else "interrupted"
