"""The results of a grid or a sweep: one row per trial, from the trials' own run directories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill.launch.expert.report import build_expert_report
from potstill.launch.expert.trials_plan import PlannedTrial, TrialsPlan
from potstill.launch.reporting.event_log import read_events

#: States of a trial that will not change any more.
ENDED = ("finished", "diverged", "stopped", "failed")


def build_trials_report(
    plan: TrialsPlan, root: Path, states: Mapping[str, str], *, wall_seconds: float
) -> dict[str, Any]:
    """The report; ``results`` is ranked for a sweep and in the order of the plan for a grid.

    Args:
        plan: What was asked.
        root: The run directory.
        states: Tune's last word on each trial, by label.
        wall_seconds: Of all sessions.
    """
    rows = [_row(plan, root, trial, states) for trial in plan.trials]
    if plan.kind == "sweep":
        rows = _ranked(rows, plan)
    return {
        "recipe": plan.kind,
        "finished": all(row["state"] in ENDED for row in rows),
        "wall_seconds": wall_seconds,
        "results": rows,
    }


def _row(plan: TrialsPlan, root: Path, trial: PlannedTrial, states: Mapping[str, str]) -> dict[str, Any]:
    config, folder = trial.config, plan.folder(root, trial)
    events = folder / "events.jsonl"
    row = build_expert_report(read_events(events) if events.exists() else [])["results"][0]
    row |= {"task": config.task, "robot": config.robot, "seed": config.seed, "label": config.label}
    # A trial's own word on its end is more precise than Tune's: Tune knows nothing of divergence.
    if row["state"] not in ENDED:
        row["state"] = states.get(config.label, "waiting")
    row["best_success_rate"] = max((point["success_rate"] for point in row["curve"]), default=None)
    if plan.kind == "sweep":
        row["drawn"] = dict(trial.drawn)
    return row


def _ranked(rows: list[dict[str, Any]], plan: TrialsPlan) -> list[dict[str, Any]]:
    """The best first; a trial without a final figure is ranked by its best evaluation, one that diverged last."""
    sign = -1.0 if plan.mode == "max" else 1.0

    def place(row: Mapping[str, Any]) -> tuple[bool, float, int]:
        value = _metric(row, plan.metric)
        unusable = value is None or row["state"] in ("diverged", "failed")
        return unusable, 0.0 if value is None else sign * value, row["env_steps"]

    return [{"rank": rank, **row} for rank, row in enumerate(sorted(rows, key=place), start=1)]


def _metric(row: Mapping[str, Any], metric: str) -> float | None:
    if metric == "success_rate":
        return row["best_success_rate"]
    return row["wall_seconds" if metric == "seconds" else metric]
