"""report.json of one expert, computed from its events alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from potstill.launch.reporting.last_event import last_event
from potstill.launch.reporting.report import success_fields, wall_seconds


def build_expert_report(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The report of a training, complete or not; ``results`` has one row.

    ``success_rate`` is the final figure (fresh seeds), None before it is known. ``curve`` holds the evaluations
    that chose the best checkpoint; those that an interrupted session lost again are left out.
    """
    started = last_event(events, "run_started")
    return {
        "recipe": started.get("recipe"),
        "task": started.get("task"),
        "finished": last_event(events, "run_finished") != {},
        "wall_seconds": wall_seconds(events),
        "results": [_result(events, started)],
    }


def curve_of(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The evaluations that count, in the order of training."""
    curve: list[Mapping[str, Any]] = []
    for event in events:
        if event["event"] == "run_started":
            # A session goes on from its checkpoint: what came after that is done again.
            curve = [known for known in curve if known["env_steps"] <= event["env_steps"]]
        elif event["event"] == "evaluation_finished":
            curve.append(event)
    return curve


def _result(events: Sequence[Mapping[str, Any]], started: Mapping[str, Any]) -> dict[str, Any]:
    final = last_event(events, "final_evaluation_finished")
    gate = last_event(events, "gate_applied")
    trained = last_event(events, "training_finished") or last_event(events, "training_progress")
    return {
        **{name: started.get(name) for name in ("task", "robot", "seed", "label")},
        "state": _state(events),
        **success_fields(final or None),
        "expert": gate.get("expert"),
        "gate_passed": gate.get("passed"),
        "gate_threshold": gate.get("threshold"),
        **{name: trained.get(name, 0) for name in ("env_steps", "decisions", "updates")},
        "wall_seconds": wall_seconds(events),
        "curve": [{"env_steps": point["env_steps"], **success_fields(point)} for point in curve_of(events)],
    }


def _state(events: Sequence[Mapping[str, Any]]) -> str:
    if last_event(events, "run_finished"):
        return "diverged" if last_event(events, "diverged") else "finished"
    return "training" if events else "waiting"
