from __future__ import annotations

import json

import pytest

from potstill.launch.reporting.report import build_report, wall_seconds
from potstill.launch.reporting.report_files import write_report_json
from potstill.launch.reporting.success_rate import SuccessRate

ROUND_KEYS = [
    "round", "phase", "rollouts_requested", "rollouts_committed", "duplicates", "lost", "frames",
    "render_calls", "success_rate", "success_ci95", "eval_episodes", "train_seconds", "rollout_seconds",
]  # fmt: skip


def wilson(k, n, z=1.959964):
    """The textbook formula (Wilson 1927), not scipy's code."""
    middle = (k / n + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * ((k / n) * (1 - k / n) / n + z * z / (4 * n * n)) ** 0.5
    return [middle - half, middle + half]


def numbered(*pairs):
    return [{"event": name, "time": float(time), **facts} for time, (name, facts) in enumerate(pairs)]


@pytest.fixture
def events(events_of_run):
    return numbered(*events_of_run())


def test_the_report_has_exactly_the_promised_keys(finished_run):
    write_report_json(finished_run)
    report = json.loads(finished_run.report_json.read_text())
    assert list(report) == ["recipe", "task", "finished", "wall_seconds", "rounds", "final", "final_looks"]
    assert [list(entry) for entry in report["rounds"]] == [ROUND_KEYS] * 3
    assert list(report["final"]) == ["success_rate", "success_ci95", "eval_episodes"]
    assert not [path for path in finished_run.root.iterdir() if path.name.endswith(".tmp")]


def test_every_number_of_the_report_can_be_recomputed_from_the_events(finished_run):
    write_report_json(finished_run)
    report = json.loads(finished_run.report_json.read_text())
    lines = [json.loads(line) for line in finished_run.events.read_text().splitlines()]
    named = {(line["event"], line.get("round")): line for line in lines}
    for entry in report["rounds"]:
        i = entry["round"]
        evaluated, rollouts = named["evaluation_finished", i]["successes"], named["rollouts_finished", i]
        assert entry == {
            "round": i,
            "phase": named["round_started", i]["phase"],
            "rollouts_requested": named["round_started", i]["rollouts_requested"],
            **{
                key: rollouts[key]
                for key in ("rollouts_committed", "duplicates", "lost", "frames", "render_calls")
            },
            "success_rate": pytest.approx(sum(evaluated) / len(evaluated)),
            "success_ci95": pytest.approx(wilson(sum(evaluated), len(evaluated)), abs=1e-6),
            "eval_episodes": len(evaluated),
            "train_seconds": named["training_finished", i]["train_seconds"],
            "rollout_seconds": rollouts["rollout_seconds"],
        }
    assert report["final"]["success_rate"] == pytest.approx(17 / 20)
    assert report["final"]["success_ci95"] == pytest.approx(wilson(17, 20), abs=1e-6)
    assert report["wall_seconds"] == 123.4 and report["finished"] is True


def test_the_last_event_of_a_round_counts(events):
    redone = {**next(e for e in events if e["event"] == "rollouts_finished"), "frames": 999, "time": 500.0}
    assert build_report([*events, redone])["rounds"][0]["frames"] == 999


def test_without_a_final_evaluation_the_last_evaluated_round_counts(events):
    report = build_report([event for event in events if event["event"] != "final_evaluation_finished"])
    assert report["final"]["success_rate"] == 0.9


def test_a_run_cut_anywhere_gives_a_report_that_says_it_is_not_finished(events):
    for length in range(len(events) - 2):
        report = build_report(events[:length])
        json.dumps(report, allow_nan=False)
        assert report["finished"] is False
    assert build_report(events)["finished"] is True


def test_what_was_not_evaluated_has_no_rate_and_an_interval_that_knows_nothing(events):
    cut = next(number for number, event in enumerate(events) if event["event"] == "evaluation_finished")
    report = build_report(events[:cut])
    for entry in (report["rounds"][0], report["final"]):
        assert (entry["success_rate"], entry["success_ci95"], entry["eval_episodes"]) == (None, [0.0, 1.0], 0)


def test_a_resumed_run_is_not_finished_until_it_says_so_again(events):
    assert build_report([*events, {**events[0], "time": 900.0}])["finished"] is False


def test_wall_time_adds_sessions_and_a_killed_one_counts_up_to_its_last_event():
    events = numbered(("run_started", {}), ("x", {}), ("x", {}), ("run_started", {}), ("x", {}))
    assert wall_seconds(events) == 2 + 1
    assert wall_seconds([*events, {"event": "session_ended", "seconds": 7.5, "time": 9.0}]) == 2 + 7.5


@pytest.mark.parametrize(("k", "n"), [(0, 50), (50, 50), (45, 50), (1, 3)])
def test_the_interval_is_wilsons(k, n):
    assert SuccessRate(successes=k, episodes=n).ci95 == pytest.approx(wilson(k, n), abs=1e-6)


def test_a_rate_is_shown_with_its_interval_and_its_number():
    assert str(SuccessRate(successes=45, episodes=50)) == "0.90 [0.79, 0.96] of 50"
    assert str(SuccessRate(successes=0, episodes=0)) == "not evaluated"
    with pytest.raises(ValueError, match=r"0\.\.2"):
        SuccessRate(successes=3, episodes=2)


def test_a_damaged_event_log_is_refused(finished_run, refused):
    finished_run.events.write_text("nonsense\n")
    assert "line 1" in refused("report", finished_run.root)
    assert not finished_run.report_json.exists()
