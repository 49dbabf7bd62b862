"""Where a run stands, from its files and, while it is alive, from its queue."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from potstill.cluster.embedded_redis import live_url
from potstill.launch.engine.live_facts import live_facts
from potstill.launch.only_runner import has_runner
from potstill.launch.reporting.event_log import read_events
from potstill.launch.reporting.report import build_report
from potstill.launch.reporting.run_progress import RunProgress
from potstill.launch.run_directory import open_run_directory

#: A pool below this share of its time at work is waiting for the other one.
_IDLE_SHARE = 0.6


def read_status(run_dir: Path, *, redis_url: str | None = None) -> dict[str, Any]:
    """The run's state: ``state`` (finished, running, interrupted), stage, rates, ETA, the ledger per round, and of
    a live run its workers and queue.

    Args:
        run_dir: As this machine sees it.
        redis_url: Of the server the run uses; None: of the embedded one, if it is alive.
    """
    directory = open_run_directory(run_dir)
    events = read_events(directory.events)
    progress = RunProgress()
    progress.update_all(events)
    report = build_report(events)
    running = has_runner(directory.root)
    eta = progress.eta_seconds(time.time()) if running else None
    status = {
        "recipe": report["recipe"],
        "task": report["task"],
        "state": "finished" if report["finished"] else "running" if running else "interrupted",
        "finished": report["finished"],
        "stage": progress.stage,
        "round": progress.current_round,
        "last_round": progress.last_round,
        "done": progress.current.done,
        "requested": progress.current.requested,
        "frames_per_second": round(progress.frames_per_second, 1),
        "eta_seconds": None if eta is None else round(eta),
        "worker_restarts": progress.worker_restarts,
        "wall_seconds": round(report["wall_seconds"], 1),
        "rounds": report["rounds"],
    }
    if redis_url is None and running:
        redis_url = live_url(directory.root / "redis")
    if not redis_url or not events:
        return status
    live = live_facts(redis_url, str(events[0]["run"]))
    return status | live | ({"advice": _advice(live["workers"], run_dir)} if live else {})


def _advice(workers: dict[str, dict[str, Any]], run_dir: Path) -> str:
    """Which pool is too small, from how busy each one says it is, and the command that enlarges it."""
    shares: dict[str, list[float]] = {}
    for facts in workers.values():
        if "busy_share" in facts:
            shares.setdefault(facts["kind"], []).append(float(facts["busy_share"]))
    means = {kind: sum(values) / len(values) for kind, values in shares.items()}
    if {"rollout", "render"} > means.keys():
        return "too early to say"
    scale = f"potstill dagger scale {run_dir}"
    if means["rollout"] < _IDLE_SHARE < means["render"]:
        return f"rollout workers wait for pictures: {scale} --render {len(shares['render']) + 1}"
    if means["render"] < _IDLE_SHARE < means["rollout"]:
        return f"render workers wait for scenes: {scale} --rollout {len(shares['rollout']) + 1}"
    return "balanced"
