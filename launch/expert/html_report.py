"""report.html of one expert: the learning curve, the losses, and how the final figure came about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from potstill.launch.configuration import flatten
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.report import build_expert_report
from potstill.launch.reporting.line_chart import Axes, Series, draw_line_chart
from potstill.launch.reporting.page import render_page
from potstill.launch.reporting.rate_text import rate_text


def render_expert_report(
    *, events: Sequence[Mapping[str, Any]], config: ExpertConfig, provenance: Mapping[str, Any]
) -> str:
    """The page. Everything that came from outside is escaped; nothing is loaded from anywhere."""
    report = build_expert_report(events)
    progress = [event for event in events if event["event"] == "training_progress"]
    values = {
        "report": report,
        "result": report["results"][0],
        "success_chart": _success_chart(report["results"][0], progress),
        "loss_chart": _loss_chart(progress),
        "entropy_chart": _scalar_chart(progress, "entropy", "entropy of the policy, nats"),
        "rungs": [event for event in events if event["event"] == "rung_kept"],
        "problems": [event["message"] for event in events if event["event"] in ("diverged", "warning")],
        "settings": list(flatten(config).items()),
        "provenance": json.dumps(provenance, indent=2),
    }
    return render_page("expert_report.html.j2", values, {"rate": rate_text})


def _success_chart(result: Mapping[str, Any], progress: Sequence[Mapping[str, Any]]) -> Markup:
    held_out = Series(
        name="held-out goals",
        style="c1",
        points=tuple((point["env_steps"], point["success_rate"]) for point in result["curve"]),
        band=tuple(tuple(point["success_ci95"]) for point in result["curve"]),
        notes=tuple(f"{point['env_steps']:,}: {rate_text(point)}" for point in result["curve"]),
    )
    training = Series(name="training episodes", style="c2", points=_points(progress, "success_rate"))
    axes = Axes(
        title="Success rate against environment steps",
        x_label="environment steps",
        y_label="success rate",
        y_range=(0.0, 1.0),
    )
    return draw_line_chart([one for one in (held_out, training) if one.points], axes)


def _loss_chart(progress: Sequence[Mapping[str, Any]]) -> Markup:
    losses = [{"env_steps": event["env_steps"], **event["losses"]} for event in progress]
    axes = Axes(title="Critic's loss", x_label="environment steps", y_label="critic's loss", logarithmic=True)
    return draw_line_chart([Series(name="critic", style="c1", points=_points(losses, "critic_loss"))], axes)


def _scalar_chart(progress: Sequence[Mapping[str, Any]], name: str, label: str) -> Markup:
    losses = [{"env_steps": event["env_steps"], **event["losses"]} for event in progress]
    axes = Axes(title=label, x_label="environment steps", y_label=label)
    return draw_line_chart([Series(name=name, style="c3", points=_points(losses, name))], axes)


def _points(events: Sequence[Mapping[str, Any]], name: str) -> tuple[tuple[float, float], ...]:
    # A redone stretch writes over its first attempt.
    known = {event["env_steps"]: event[name] for event in events if event.get(name) is not None}
    return tuple(sorted(known.items()))
