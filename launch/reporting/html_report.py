"""report.html: one file that opens anywhere, offline, with every number of the run and its interval."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from potstill.launch.reporting.line_chart import Axes, Series, draw_line_chart
from potstill.launch.reporting.page import render_page
from potstill.launch.reporting.rate_text import rate_text
from potstill.launch.reporting.report import build_report, latest_by_round
from potstill.launch.reporting.round_media import RoundMedia
from potstill.launch.reporting.settings_rows import settings_rows
from potstill.launch.reporting.stacked_bars import draw_stacked_bars

_LOOKS = {
    "seen": "prompts of the training split",
    "held_out": "held-out prompts",
    "plain": "plain RGB",
}


def render_html_report(
    *,
    events: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
    media: Sequence[RoundMedia],
) -> str:
    """The page. Everything that came from outside is escaped; nothing is loaded from anywhere."""
    report = build_report(events)
    values = dict(
        report=report,
        look_names=_LOOKS,
        final_round=_final_round(events, report),
        success_chart=_success_chart(report),
        loss_chart=_loss_chart(events),
        time_chart=_time_chart(events, report),
        losses={
            round: event
            for (name, round), event in latest_by_round(events).items()
            if name == "training_finished"
        },
        restarts=[event for event in events if event["event"] == "worker_restarted"],
        warnings=[event["message"] for event in events if event["event"] == "warning"],
        media=media,
        settings=settings_rows(config),
        provenance=json.dumps(provenance, indent=2),
    )
    return render_page("report.html.j2", values, {"rate": rate_text, "data_url": _data_url})


def _success_chart(report: Mapping[str, Any]) -> Markup:
    rounds = [entry for entry in report["rounds"] if entry["eval_episodes"]]
    series = Series(
        name="success",
        style="c1",
        points=tuple((entry["round"], entry["success_rate"]) for entry in rounds),
        band=tuple(tuple(entry["success_ci95"]) for entry in rounds),
        notes=tuple(f"round {entry['round']}: {rate_text(entry)}" for entry in rounds),
    )
    axes = Axes(
        title="Success rate by round, with its 95 % Wilson interval",
        x_label="round",
        y_label="success rate",
        y_range=(0.0, 1.0),
        whole_x=True,
    )
    return draw_line_chart([series], axes)


def _loss_chart(events: Sequence[Mapping[str, Any]]) -> Markup:
    """Losses over the training of all rounds end to end, one unit per round."""
    curves: dict[str, dict[float, float]] = {"loss": {}, "validation_loss": {}}
    for event in events:
        if event["event"] not in ("training_progress", "training_finished"):
            continue
        x = event["round"] + _share_trained(event)
        for name, curve in curves.items():
            if event.get(name) is not None:
                # A redone stage writes over its first attempt.
                curve[round(x, 3)] = event[name]
    named = (("training", "c1", "loss"), ("validation", "c2", "validation_loss"))
    series = [
        Series(name=name, style=style, points=tuple(sorted(curves[key].items())))
        for name, style, key in named
    ]
    # A negative log-likelihood may be below zero, where a logarithm cannot follow.
    positive = all(value > 0 for curve in curves.values() for value in curve.values())
    axes = Axes(title="Loss during training", x_label="rounds trained", y_label="loss", logarithmic=positive)
    return draw_line_chart([one for one in series if one.points], axes)


def _share_trained(event: Mapping[str, Any]) -> float:
    if event["event"] == "training_finished":
        return 1.0
    done, whole = event.get("step"), event.get("steps")
    if not whole:
        done, whole = event.get("epoch"), event.get("epochs")
    return min(1.0, (done or 0) / whole) if whole else 0.0


def _time_chart(events: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> Markup:
    latest = latest_by_round(events)
    rows = []
    for entry in report["rounds"]:
        evaluation = latest.get(("evaluation_finished", entry["round"]), {})
        parts = {
            "rollouts": entry["rollout_seconds"],
            "training": entry["train_seconds"],
            "evaluation": evaluation.get("evaluation_seconds", 0.0),
        }
        rows.append((f"round {entry['round']}", parts))
    return draw_stacked_bars(rows, title="Seconds spent in each stage of each round", unit="s")


def _final_round(events: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> int | None:
    """The round whose checkpoint the final figure belongs to."""
    names = ("final_evaluation_finished", "evaluation_finished")
    for name in names:
        rounds = [event["round"] for event in events if event["event"] == name]
        if rounds:
            return rounds[-1] if name == names[0] else max(rounds)
    return None


def _data_url(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
