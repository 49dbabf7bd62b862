"""Live progress of one expert, in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potstill.launch.expert.config import BudgetConfig
from potstill.launch.reporting.duration_text import duration_text
from potstill.launch.reporting.line_display import Line
from potstill.launch.reporting.report import success_of


class ProgressLine:
    """What a ``LineDisplay`` shows of a training's events."""

    def __init__(self, budget: BudgetConfig) -> None:
        self._budget = budget
        self._evaluation = "not evaluated yet"

    def __call__(self, event: Mapping[str, Any]) -> Line | None:
        """The line of one event, None where it says nothing to people."""
        if event["event"] == "evaluation_finished":
            self._evaluation = f"held-out {success_of(event)} at {event['env_steps']:,}"
        if event["event"] == "training_progress":
            return Line(text=self._progress(event), milestone=False)
        milestone = _milestone(event)
        return None if milestone is None else Line(text=milestone)

    def _progress(self, event: Mapping[str, Any]) -> str:
        success = event["success_rate"]
        parts = [
            f"{event['env_steps']:,} of {self._budget.env_steps:,} env steps",
            f"{event['decisions_per_second']:.0f} decisions/s",
            f"{event['updates_per_second']:.0f} updates/s",
            f"training {'-' if success is None else f'{success:.2f}'}",
            self._evaluation,
            f"ETA at most {duration_text(self._seconds_left(event))}",
        ]
        return "  ".join(parts)

    def _seconds_left(self, event: Mapping[str, Any]) -> float:
        pace = event["env_steps"] / event["seconds"]
        left = max(0, self._budget.env_steps - event["env_steps"]) / pace
        if self._budget.minutes is None:
            return left
        return min(left, max(0.0, 60.0 * self._budget.minutes - event["seconds"]))


def _milestone(event: Mapping[str, Any]) -> str | None:
    name = event["event"]
    if name == "run_started":
        verb = f"resumed at {event['env_steps']:,}" if event["resumed"] else "started"
        return f"{verb}: {event['task']}, {event['robot']}, seed {event['seed']}"
    if name == "evaluation_finished":
        return f"held-out success {success_of(event)} at {event['env_steps']:,} env steps"
    if name == "rung_kept":
        return f"ladder: kept the expert of {event['env_steps']:,} env steps ({event['success_rate']:.2f})"
    if name == "training_finished":
        return f"trained: {event['reason']}"
    if name == "final_evaluation_finished":
        return f"final success {success_of(event)} (best checkpoint, goals of their own)"
    if name == "gate_applied":
        verdict = "passed" if event["passed"] else "NOT passed"
        return f"gate {event['threshold']:g} {verdict}: the expert is {event['expert']}"
    return str(event["message"]) if name in ("diverged", "warning") else None
