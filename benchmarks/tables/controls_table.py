"""What finished runs of the controls' recipes reached, as a table: pooled over seeds, by task, recipe and look."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from potstill.launch.reporting.duration_text import duration_text
from potstill.launch.reporting.event_log import read_events
from potstill.launch.reporting.report import build_report, latest_by_look, latest_by_round, success_of
from potstill.launch.reporting.success_rate import SuccessRate

#: Columns of the table: as in training, and the final looks.
LOOKS = {
    "trained": "as trained",
    "seen": "seen prompts",
    "held_out": "held-out prompts",
    "plain": "plain RGB",
}


@dataclass(frozen=True, kw_only=True)
class ControlRun:
    """A finished run, read from its configuration and its event log."""

    recipe: str
    task: str
    seed: int
    interval: int
    """k: every k-th step is painted."""
    successes: Mapping[str, SuccessRate]
    """Of the best checkpoint, by look."""
    painted: tuple[tuple[int, int], ...]
    """(steps, painter calls) of each rollout of the training rounds."""
    evaluated: tuple[tuple[int, int], ...]
    """The same of the evaluation episodes that were shown pictures as in training."""
    wall_seconds: float

    @classmethod
    def read(cls, folder: Path) -> ControlRun | None:
        """The run in ``folder``; None where there is none, or it is not finished."""
        if (
            not (folder / "report.json").exists()
            or not json.loads((folder / "report.json").read_text())["finished"]
        ):
            return None
        config = yaml.safe_load((folder / "config.yaml").read_text())
        events = read_events(folder / "events.jsonl")
        latest = latest_by_round(events)
        final = next(event for event in reversed(events) if event["event"] == "final_evaluation_finished")
        as_trained = [event for (name, _), event in latest.items() if name == "evaluation_finished"] + [final]
        rounds = [event for (name, _), event in latest.items() if name == "rollouts_finished"]
        return cls(
            recipe=config["recipe"],
            task=config["task"],
            seed=config["seed"],
            interval=config["render"]["keyframe_interval"],
            successes={"trained": success_of(final)}
            | {look: success_of(event) for look, event in latest_by_look(events).items()},
            painted=_pairs((event["episode_steps"], event["episode_render_calls"]) for event in rounds),
            evaluated=_pairs((event["steps"], event["render_calls"]) for event in as_trained),
            wall_seconds=build_report(events)["wall_seconds"],
        )

    @property
    def final(self) -> SuccessRate:
        """Shown pictures as in training."""
        return self.successes["trained"]

    @property
    def painted_once_per_interval(self) -> bool:
        """Whether every episode of T steps took exactly ceil(T / k) calls of the painter."""
        return all(
            calls == math.ceil(steps / self.interval) for steps, calls in self.painted + self.evaluated
        )


def controls_table(runs: Sequence[ControlRun]) -> str:
    """Markdown: one table a task, one row a recipe."""
    parts = []
    for task, of_task in _grouped(runs, "task").items():
        head = ["recipe", "seeds", *LOOKS.values(), "painter calls / rollout", "seconds / run"]
        lines = [f"### {task}", "", _row(head), _row(["---"] * len(head))]
        lines += [_row(_cells(recipe, own)) for recipe, own in _grouped(of_task, "recipe").items()]
        parts.append("\n".join([*lines, ""]))
    total = sum(run.wall_seconds for run in runs)
    parts.append(f"{len(runs)} runs, {duration_text(total)} in all.\n")
    return "\n".join(parts)


def warp_statement(runs: Sequence[ControlRun]) -> str:
    """Markdown: whether the painter was called once per interval, and what k = 7 costs in success against k = 1."""
    episodes = sum(len(run.painted) + len(run.evaluated) for run in runs)
    odd = [f"{run.recipe}.{run.task}.{run.seed}" for run in runs if not run.painted_once_per_interval]
    lines = [
        f"Painter calls = ceil(T / k) in each of {episodes} episodes, from the event logs: "
        f"{'yes' if not odd else 'NO, not in ' + ', '.join(odd)}."
    ]
    for task, recipes in _warped_and_not(runs).items():
        for look, name in LOOKS.items():
            rates = {recipe: _pooled(own, look) for recipe, own in recipes.items()}
            within = _within(rates["procedural"], rates["procedural-k1"])
            lines.append(
                f"{task}, {name}: k = 7 {rates['procedural']}, k = 1 {rates['procedural-k1']}: k = 7 is "
                f"{'within' if within else 'NOT within'} the interval of k = 1."
            )
    return "\n\n".join(lines) + "\n"


def figures_of(runs: Sequence[ControlRun]) -> dict[str, Any]:
    """The table and the statement as JSON values."""
    rows = [
        {"task": task, "recipe": recipe} | _figures(own)
        for task, of_task in _grouped(runs, "task").items()
        for recipe, own in _grouped(of_task, "recipe").items()
    ]
    comparisons = {
        task: {
            look: _within(_pooled(recipes["procedural"], look), _pooled(recipes["procedural-k1"], look))
            for look in LOOKS
        }
        for task, recipes in _warped_and_not(runs).items()
    }
    return {
        "rows": rows,
        "painted_once_per_interval": all(run.painted_once_per_interval for run in runs),
        "k7_within_interval_of_k1": comparisons,
        "runs": len(runs),
        "wall_seconds": sum(run.wall_seconds for run in runs),
    }


def _figures(runs: Sequence[ControlRun]) -> dict[str, Any]:
    looks = {}
    for look in LOOKS:
        if rate := _pooled(runs, look):
            by_seed = {str(run.seed): run.successes[look].rate for run in runs}
            looks[look] = {
                "success_rate": rate.rate, "ci95": list(rate.ci95), "episodes": rate.episodes, "by_seed": by_seed
            }  # fmt: skip
    return {
        "seeds": [run.seed for run in runs],
        "keyframe_interval": runs[0].interval,
        "looks": looks,
        "painter_calls_per_rollout": _calls_per_rollout(runs),
        "wall_seconds_per_run": [run.wall_seconds for run in runs],
    }


def _cells(recipe: str, runs: Sequence[ControlRun]) -> list[str]:
    rates = [str(rate) if (rate := _pooled(runs, look)) else "–" for look in LOOKS]
    calls = _calls_per_rollout(runs)
    seconds = sum(run.wall_seconds for run in runs) / len(runs)
    seeds = ", ".join(str(run.seed) for run in runs)
    return [recipe, seeds, *rates, "–" if calls is None else f"{calls:.1f}", f"{seconds:.0f}"]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _calls_per_rollout(runs: Sequence[ControlRun]) -> float | None:
    calls = [calls for run in runs for _, calls in run.painted]
    return sum(calls) / len(calls) if calls else None


def _pooled(runs: Sequence[ControlRun], look: str) -> SuccessRate | None:
    """Over seeds; None where this look was not asked for."""
    rates = [run.successes[look] for run in runs if look in run.successes]
    if not rates:
        return None
    return SuccessRate(
        successes=sum(rate.successes for rate in rates), episodes=sum(rate.episodes for rate in rates)
    )


def _within(rate: SuccessRate | None, other: SuccessRate | None) -> bool:
    """Whether one rate lies in the interval of the other."""
    if rate is None or rate.rate is None or other is None:
        return False
    low, high = other.ci95
    return low <= rate.rate <= high


def _warped_and_not(runs: Sequence[ControlRun]) -> dict[str, dict[str, list[ControlRun]]]:
    """By task, the runs of k = 7 and of k = 1, where there are both."""
    tasks = {task: _grouped(own, "recipe") for task, own in _grouped(runs, "task").items()}
    return {
        task: recipes for task, recipes in tasks.items() if {"procedural", "procedural-k1"} <= recipes.keys()
    }


def _grouped(runs: Iterable[ControlRun], name: str) -> dict[str, list[ControlRun]]:
    """By task or recipe, in the order in which they come."""
    groups: dict[str, list[ControlRun]] = defaultdict(list)
    for run in runs:
        groups[getattr(run, name)].append(run)
    return dict(groups)


def _pairs(columns: Iterable[tuple[list[int], list[int]]]) -> tuple[tuple[int, int], ...]:
    return tuple(pair for steps, calls in columns for pair in zip(steps, calls, strict=True))
