"""report.json: what a run did and reached, computed from its events alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from potstill.launch.reporting.last_event import last_event
from potstill.launch.reporting.success_rate import SuccessRate

#: Fields of a round's entry by the event they come from.
_ROUND_FIELDS = {
    "round_started": ("phase", "rollouts_requested"),
    "rollouts_finished": ("rollouts_committed", "duplicates", "lost", "frames", "render_calls"),
}


def build_report(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The report of a DAgger run, complete or not.

    A resumed run may say things twice: the last event of each (name, round) counts. ``wall_seconds`` is the
    sum of all sessions; one that was killed counts up to its last event. ``final`` is the best checkpoint on
    fresh seeds if that was evaluated, else the last evaluated round. Without evaluation a rate is None.
    ``final_looks`` has the same checkpoint on the same seeds by look, where that was asked for.
    """
    latest = latest_by_round(events)
    started = last_event(events, "run_started")
    rounds = sorted({round for name, round in latest if name == "round_started" and round is not None})
    return {
        "recipe": started.get("recipe"),
        "task": started.get("task"),
        "finished": _finished(events),
        "wall_seconds": wall_seconds(events),
        "rounds": [_round_entry(latest, round) for round in rounds],
        "final": success_fields(_final_evaluation(events, latest)),
        "final_looks": {look: success_fields(event) for look, event in latest_by_look(events).items()},
    }


def latest_by_round(events: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int | None], Mapping[str, Any]]:
    """The last event of each (name, round); None is the round of events that belong to none."""
    return {(event["event"], event.get("round")): event for event in events}


def latest_by_look(events: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The last final evaluation on each look."""
    return {event["look"]: event for event in events if event["event"] == "look_evaluation_finished"}


def wall_seconds(events: Sequence[Mapping[str, Any]]) -> float:
    """Seconds that all sessions of the run took together."""
    total, session_start, last_time = 0.0, None, 0.0
    for event in events:
        if event["event"] == "run_started":
            if session_start is not None:
                total += last_time - session_start
            session_start = event["time"]
        elif event["event"] == "session_ended":
            total += event["seconds"]
            session_start = None
        last_time = event["time"]
    return total if session_start is None else total + last_time - session_start


def success_of(evaluation: Mapping[str, Any] | None) -> SuccessRate:
    """The success rate of an evaluation event; of no episodes when there was none."""
    successes = [] if evaluation is None else evaluation["successes"]
    return SuccessRate(successes=sum(map(int, successes)), episodes=len(successes))


def _round_entry(latest: Mapping[tuple[str, int | None], Mapping[str, Any]], round: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"round": round}
    for name, fields in _ROUND_FIELDS.items():
        event = latest.get((name, round), {})
        entry |= {field: event.get(field, None if field == "phase" else 0) for field in fields}
    entry |= success_fields(latest.get(("evaluation_finished", round)))
    entry["train_seconds"] = latest.get(("training_finished", round), {}).get("train_seconds", 0.0)
    entry["rollout_seconds"] = latest.get(("rollouts_finished", round), {}).get("rollout_seconds", 0.0)
    return entry


def success_fields(evaluation: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields with which every report tells the success of an evaluation event, or that there was none."""
    success = success_of(evaluation)
    return {
        "success_rate": success.rate,
        "success_ci95": list(success.ci95),
        "eval_episodes": success.episodes,
    }


def _final_evaluation(
    events: Sequence[Mapping[str, Any]], latest: Mapping[tuple[str, int | None], Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    if final := last_event(events, "final_evaluation_finished"):
        return final
    evaluated = [round for name, round in latest if name == "evaluation_finished" and round is not None]
    return latest[("evaluation_finished", max(evaluated))] if evaluated else None


def _finished(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the newest session reached the end, or found everything done."""
    marks = [event["event"] for event in events if event["event"] in ("run_started", "run_finished")]
    return bool(marks) and marks[-1] == "run_finished"
