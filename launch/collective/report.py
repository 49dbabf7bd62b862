"""report.json of a collective run, computed from its events alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from potstill.launch.reporting.last_event import last_event
from potstill.launch.reporting.report import wall_seconds
from potstill.launch.reporting.success_rate import SuccessRate

#: What the training of the transformer says of the codes, beside these facts of every training.
_TRAINING_FACTS = ("event", "time", "name", "checkpoint_sha256", "steps", "train_samples", "train_seconds")


def build_collective_report(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The report of a run, complete or not; the last event of each kind and name counts.

    ``results`` has a row for each context, robot and task of the final evaluations; ``summary`` one for each context
    over all seen robots, all unseen ones, and each robot; ``rounds`` one for each round, over seen robots. Success is
    Meta-World's flag at any step (``success_rate``) or at the last (``final_step_success_rate``); intervals are
    Wilson's over episodes, which share networks and seeds: between runs results differ more than they say. Contexts
    and rounds that the newest session no longer asks for are left out.
    """
    started = last_event(events, "run_started")
    seen = list(started.get("robots", []))
    finals = {event["context"]: event for event in _evaluations(events) if event["round"] is None}
    finals = {context: finals[context] for context in started.get("contexts", finals) if context in finals}
    return {
        "recipe": started.get("recipe"),
        "tasks": list(started.get("tasks", [])),
        "robots": seen,
        "unseen_robots": list(started.get("unseen_robots", [])),
        "finished": _finished(events),
        "wall_seconds": wall_seconds(events),
        "representation": _representation(last_event(events, "representation_finished")),
        "rounds": [
            entry for entry in _rounds(events) if entry["round"] <= started.get("rounds", entry["round"])
        ],
        "results": [row for event in finals.values() for row in _cells(event, seen)],
        "summary": [row for event in finals.values() for row in _summaries(event, seen)],
    }


def _evaluations(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    latest = {event["name"]: event for event in events if event["event"] == "evaluation_finished"}
    return list(latest.values())


def _rounds(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    rounds: dict[int, dict[str, Any]] = {}
    for event in events:
        number = event.get("round")
        if event["event"] == "round_started":
            entry = rounds.setdefault(event["round"], {"round": event["round"], **_rates([], [], [])})
            entry |= {"phase": event["phase"], "rollouts_requested": event["rollouts_requested"]}
        elif event["event"] == "rollouts_finished":
            names = ("rollouts_committed", "duplicates", "lost", "steps", "rollout_seconds")
            rounds[event["round"]] |= {name: event[name] for name in names}
        elif event["event"] == "distillation_finished" and event["name"].startswith("round_"):
            rounds[int(event["name"].removeprefix("round_"))] |= {"train_seconds": event["train_seconds"]}
        elif event["event"] == "evaluation_finished" and number is not None:
            rounds[number] |= _rates(event["successes"], event["final_successes"], event["returns"])
    return [rounds[number] for number in sorted(rounds)]


def _cells(event: Mapping[str, Any], seen: Sequence[str]) -> list[dict[str, Any]]:
    robots, tasks = np.array(event["robots"]), np.array(event["tasks"])
    rows = []
    for robot, task in dict.fromkeys(zip(event["robots"], event["tasks"], strict=True)):
        chosen = (robots == robot) & (tasks == task)
        facts = {"context": event["context"], "robot": robot, "task": task, "seen": robot in seen}
        rows.append(facts | _chosen(event, chosen))
    return rows


def _summaries(event: Mapping[str, Any], seen: Sequence[str]) -> list[dict[str, Any]]:
    robots = np.array(event["robots"])
    known = np.isin(robots, list(seen))
    groups = {"all seen": known, "all unseen": ~known}
    groups |= {robot: robots == robot for robot in dict.fromkeys(event["robots"])}
    return [
        {"context": event["context"], "robots": name} | _chosen(event, chosen)
        for name, chosen in groups.items()
        if chosen.any()
    ]


def _chosen(event: Mapping[str, Any], chosen: np.ndarray) -> dict[str, Any]:
    names = ("successes", "final_successes", "returns")
    return _rates(*(np.array(event[name])[chosen].tolist() for name in names))


def _rates(
    successes: Sequence[int], final_successes: Sequence[int], returns: Sequence[float]
) -> dict[str, Any]:
    any_step = SuccessRate(successes=sum(successes), episodes=len(successes))
    last_step = SuccessRate(successes=sum(final_successes), episodes=len(final_successes))
    return {
        "success_rate": any_step.rate,
        "success_ci95": list(any_step.ci95),
        "final_step_success_rate": last_step.rate,
        "final_step_success_ci95": list(last_step.ci95),
        "mean_return": sum(returns) / len(returns) if returns else None,
        "eval_episodes": len(successes),
    }


def _representation(event: Mapping[str, Any]) -> dict[str, Any] | None:
    return {key: value for key, value in event.items() if key not in _TRAINING_FACTS} if event else None


def _finished(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the newest session reached the end; one that was to stop after a step takes nothing back."""
    finished = before = False
    for event in events:
        if event["event"] == "run_started":
            finished, before = False, finished
        elif event["event"] == "run_finished":
            finished = True
        elif event["event"] == "step_finished":
            finished = before
    return finished
