"""Live progress of a collective run, in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potstill.launch.reporting.counted import counted
from potstill.launch.reporting.line_display import Line
from potstill.launch.reporting.success_rate import SuccessRate


def progress_line(event: Mapping[str, Any]) -> Line | None:
    """What a ``LineDisplay`` shows of a run's event; None where it says nothing to people."""
    describe = _LINES.get(event["event"])
    return None if describe is None else describe(event)


def _started(event: Mapping[str, Any]) -> Line:
    verb = "resumed" if event["resumed"] else "started"
    cells = f"{counted(len(event['tasks']), 'task')} x {counted(len(event['robots']), 'robot')}"
    return Line(text=f"{verb} {event['recipe']}: {cells}")


def _round_started(event: Mapping[str, Any]) -> Line:
    return Line(
        text=f"round {event['round']}: {event['phase']}, {event['rollouts_requested']} episodes asked"
    )


def _rollouts_progress(event: Mapping[str, Any]) -> Line:
    return Line(
        text=f"round {event['round']}: episodes {event['done']}/{event['requested']}", milestone=False
    )


def _rollouts_finished(event: Mapping[str, Any]) -> Line:
    return Line(
        text=f"round {event['round']}: {event['rollouts_committed']} episodes, {event['steps']:,} steps, "
        f"actors succeeded in {event['actor_success_rate']:.0%}"
    )


def _training_progress(event: Mapping[str, Any]) -> Line:
    rate = f"{event['samples_per_second']:.0f} samples/s"
    return Line(
        text=f"{event['name']}: step {event['step']}/{event['steps']}, loss {event['loss']:.4g}, {rate}",
        milestone=False,
    )


def _representation_finished(event: Mapping[str, Any]) -> Line:
    probe = event.get("task_probe")
    told = "" if probe is None else f", a linear probe tells the task in {probe:.1%} of held-out windows"
    return Line(text=f"representation: trained{told}")


def _distillation_finished(event: Mapping[str, Any]) -> Line:
    # A training that was resumed at its very end never looked at its loss.
    losses = {"loss": event.get("loss"), "validation": event.get("validation_loss")}
    told = "".join(f", {name} {loss:.4g}" for name, loss in losses.items() if loss is not None)
    return Line(text=f"{event['name']}: distilled ({event['context']}){told}")


def _evaluation_progress(event: Mapping[str, Any]) -> Line:
    return Line(text=f"{event['name']}: evaluation {event['done']}/{event['requested']}", milestone=False)


def _evaluation_finished(event: Mapping[str, Any]) -> Line:
    successes = event["successes"]
    rate = SuccessRate(successes=sum(successes), episodes=len(successes))
    return Line(text=f"{event['name']}: success {rate} ({event['context']})")


def _pool_resized(event: Mapping[str, Any]) -> Line:
    return Line(text=f"{event['pool']} workers: {event['before']} -> {event['after']}")


_LINES = {
    "run_started": _started,
    "dashboard_started": lambda event: Line(text=f"Ray dashboard: {event['url']}"),
    "round_started": _round_started,
    "rollouts_progress": _rollouts_progress,
    "rollouts_finished": _rollouts_finished,
    "training_progress": _training_progress,
    "representation_finished": _representation_finished,
    "distillation_finished": _distillation_finished,
    "evaluation_progress": _evaluation_progress,
    "evaluation_finished": _evaluation_finished,
    "worker_restarted": lambda event: Line(text=f"a {event['pool']} worker was restarted: {event['reason']}"),
    "pool_resized": _pool_resized,
    "warning": lambda event: Line(text=f"warning: {event['message']}"),
    "step_finished": lambda event: Line(text=f"stopped after {event['step']}, as asked"),
    "run_finished": lambda event: Line(text="finished"),
}
