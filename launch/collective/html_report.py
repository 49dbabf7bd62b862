"""report.html of a collective run: the matrix of robots and tasks for every context, with numbers and intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from potstill.launch.collective.report import build_collective_report
from potstill.launch.reporting.counted import counted
from potstill.launch.reporting.line_chart import Axes, Series, draw_line_chart
from potstill.launch.reporting.page import render_page
from potstill.launch.reporting.rate_text import rate_text
from potstill.launch.reporting.scatter_chart import Point, draw_scatter_chart
from potstill.launch.reporting.settings_rows import settings_rows

#: What people read instead of a context's name.
CONTEXTS = {
    "code": "code of the trajectory so far",
    "id": "name of the task",
    "zeros": "nothing",
    "joint": "code learned with the policy",
}


def render_collective_report(
    *, events: Sequence[Mapping[str, Any]], config: Mapping[str, Any], provenance: Mapping[str, Any]
) -> str:
    """The page. Everything that came from outside is escaped; nothing is loaded from anywhere."""
    report = build_collective_report(events)
    values = {
        "report": report,
        "contexts": CONTEXTS,
        "matrices": _matrices(report),
        "probe_chart": _probe_chart(report["representation"]),
        "code_map": _code_map(report["representation"]),
        "loss_chart": _loss_chart(events),
        "problems": [event["message"] for event in events if event["event"] == "warning"],
        "restarts": sum(event["event"] == "worker_restarted" for event in events),
        "settings": settings_rows(config),
        "provenance": json.dumps(provenance, indent=2),
    }
    return render_page("collective_report.html.j2", values, {"rate": rate_text, "counted": counted})


def _matrices(report: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Mapping[str, Any]]]]:
    """By context, robot and task the row of the results."""
    matrices: dict[str, dict[str, dict[str, Mapping[str, Any]]]] = {}
    for row in report["results"]:
        matrices.setdefault(row["context"], {}).setdefault(row["robot"], {})[row["task"]] = row
    return matrices


def _probe_chart(representation: Mapping[str, Any] | None) -> Markup:
    by_step = (representation or {}).get("task_probe_by_step", {})
    points = tuple((float(step), accuracy) for step, accuracy in by_step.items())
    axes = Axes(
        title="How often a linear probe tells the task from the code, by steps into the episode",
        x_label="steps into the episode",
        y_label="accuracy",
        y_range=(0.0, 1.0),
    )
    return draw_line_chart([Series(name="task", style="c1", points=points)] if points else [], axes)


def _code_map(representation: Mapping[str, Any] | None) -> Markup:
    points = [
        Point(
            x=place["x"],
            y=place["y"],
            group=place["task"].removesuffix("-v3"),
            note=f"{place['task']}, {place['robot']}, step {place['step']}",
        )
        for place in (representation or {}).get("code_map", [])
    ]
    return draw_scatter_chart(points, title="Codes of held-out windows on a plane, by task")


def _loss_chart(events: Sequence[Mapping[str, Any]]) -> Markup:
    """The distillations that are compared, each over its own steps."""
    curves: dict[str, dict[int, float]] = {}
    for event in events:
        name = str(event.get("name", ""))
        if event["event"] == "training_progress" and name.startswith("final.") and event.get("loss"):
            # A redone stage writes over its first attempt.
            curves.setdefault(name.removeprefix("final."), {})[event["step"]] = event["loss"]
    series = [
        Series(name=name, style=f"c{1 + number % 3}", points=tuple(sorted(curve.items())))
        for number, (name, curve) in enumerate(curves.items())
    ]
    axes = Axes(title="Loss of each distillation", x_label="gradient steps", y_label="loss", logarithmic=True)
    return draw_line_chart(series, axes)
