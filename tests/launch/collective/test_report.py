"""Every number of report.json, recomputed from the events by other means."""

from __future__ import annotations

import itertools
import json

import pytest

from potstill.launch.collective.open_reporter import open_collective_reporter
from potstill.launch.collective.report import build_collective_report
from potstill.launch.reporting.event_log import read_events
from potstill.launch.run_directory import RunDirectory


@pytest.fixture
def events(story, as_read):
    return as_read(story())


def outcomes(event, **wanted):
    """(success, success at the end, return) of each episode of the wanted robot and task."""
    columns = (event[name] for name in ("robots", "tasks", "successes", "final_successes", "returns"))
    for robot, task, *outcome in zip(*columns, strict=True):
        if wanted.items() <= {"robot": robot, "task": task}.items():
            yield tuple(outcome)


def assert_row(row, episodes):
    count = len(episodes)
    successes, final_successes, returns = (sum(column) for column in zip(*episodes, strict=True))
    assert row["eval_episodes"] == count
    assert row["success_rate"] == successes / count
    assert row["final_step_success_rate"] == final_successes / count
    assert row["mean_return"] == pytest.approx(returns / count)
    assert row["success_ci95"] == pytest.approx(wilson(successes, count), abs=1e-9)
    assert row["final_step_success_ci95"] == pytest.approx(wilson(final_successes, count), abs=1e-9)


def wilson(successes, count, z=1.959963984540054):
    """Wilson's interval from its formula."""
    rate, share = successes / count, z * z / count
    centre = (rate + share / 2) / (1 + share)
    half = z / (1 + share) * (rate * (1 - rate) / count + share / (4 * count)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def finals_of(events):
    return {
        event["context"]: event
        for event in events
        if event["event"] == "evaluation_finished" and event["round"] is None
    }


def test_the_results_have_a_row_for_each_context_robot_and_task(events):
    report, finals = build_collective_report(events), finals_of(events)
    cells = [(row["context"], row["robot"], row["task"]) for row in report["results"]]
    assert cells == list(itertools.product(("code", "zeros"), ("sawyer", "ur5e"), ("reach-v3", "push-v3")))
    for row in report["results"]:
        assert row["seen"] is (row["robot"] == "sawyer")
        assert_row(row, list(outcomes(finals[row["context"]], robot=row["robot"], task=row["task"])))


def test_the_summary_has_seen_unseen_and_each_robot(events):
    report, finals = build_collective_report(events), finals_of(events)
    names = [(row["context"], row["robots"]) for row in report["summary"]]
    assert names == list(itertools.product(("code", "zeros"), ("all seen", "all unseen", "sawyer", "ur5e")))
    for row in report["summary"]:
        robot = {"all seen": "sawyer", "all unseen": "ur5e"}.get(row["robots"], row["robots"])
        assert_row(row, list(outcomes(finals[row["context"]], robot=robot)))
    assert [row["success_rate"] for row in report["summary"][:4]] == [3 / 8, 1 / 8, 3 / 8, 1 / 8]


def test_each_round_tells_its_episodes_its_seconds_and_its_success(events):
    rounds = build_collective_report(events)["rounds"]
    assert [(row["round"], row["phase"], row["rollouts_requested"]) for row in rounds] == [
        (0, "bootstrap", 10), (1, "on_policy", 4)
    ]  # fmt: skip
    facts = ("rollouts_committed", "duplicates", "lost", "steps", "rollout_seconds", "train_seconds")
    assert [tuple(row[name] for name in facts) for row in rounds] == [
        (10, 0, 0, 1000, 8.5, 7.5), (4, 0, 0, 1001, 8.5, 7.5)
    ]  # fmt: skip
    looks = [event for event in events if event.get("name") == "round_01" and "successes" in event]
    assert_row(rounds[1], list(outcomes(looks[0])))


def test_the_codes_figures_are_the_events(events):
    told = build_collective_report(events)["representation"]
    (said,) = [event for event in events if event["event"] == "representation_finished"]
    assert told["task_probe"] == 0.975 and told["task_probe_by_step"]["50"] == 0.99
    assert said.items() >= told.items() and "checkpoint_sha256" not in told


def test_the_run_itself_is_told(events):
    report = build_collective_report(events)
    assert (report["recipe"], report["tasks"]) == ("smoke", ["reach-v3", "push-v3"])
    assert (report["robots"], report["unseen_robots"]) == (["sawyer"], ["ur5e"])
    assert report["finished"] is True and report["wall_seconds"] == 123.4


def test_a_run_at_any_point_has_a_report_that_is_json(events):
    for length in range(len(events) + 1):
        report = build_collective_report(events[:length])
        assert json.loads(json.dumps(report)) == report
        assert report["finished"] is any(event["event"] == "run_finished" for event in events[:length])


def test_a_round_that_is_not_evaluated_has_no_rate(events):
    (row,) = build_collective_report(events[:3])["rounds"]
    assert row["success_rate"] is None and row["eval_episodes"] == 0 and row["mean_return"] is None


def test_what_is_done_again_takes_the_place_of_what_was(events):
    again = [event | {"successes": [1] * len(event["successes"])} for event in finals_of(events).values()]
    report = build_collective_report([*events, *again])
    assert len(report["results"]) == 8
    assert {row["success_rate"] for row in report["results"]} == {1.0}


def test_a_session_that_has_only_begun_again_is_not_finished(events):
    resumed = [*events, events[0] | {"resumed": True}]
    assert build_collective_report(resumed)["finished"] is False
    end = {"event": "run_finished", "time": 999.0}
    assert build_collective_report([*resumed, end])["finished"] is True


def test_a_real_runs_report_counts_what_its_episodes_did(uninterrupted):
    rig, told = uninterrupted
    report = build_collective_report(told.said)
    assert [row["steps"] for row in report["rounds"]] == [
        sum(entry.steps for entry in rig.store.entries(number)) for number in (0, 1)
    ]
    for row in report["results"]:
        final = finals_of(told.said)[row["context"]]
        assert_row(row, list(outcomes(final, robot=row["robot"], task=row["task"])))


def test_the_reporter_writes_both_files_from_its_log(make_collective_run, tmp_path, story, capsys):
    directory = RunDirectory(root=tmp_path / "told")
    template = make_collective_run()
    directory.root.mkdir()
    directory.config.write_bytes(template.config.read_bytes())
    reporter = open_collective_reporter(directory)
    for name, facts in story():
        reporter.write(name, **facts)
    reporter.close()
    report = json.loads(directory.report_json.read_text())
    assert report == json.loads(json.dumps(build_collective_report(read_events(directory.events))))
    assert directory.report_html.exists()
    assert "final.code: success 0.25 [" in capsys.readouterr().err


def test_a_step_of_a_finished_run_takes_nothing_back(events):
    begun = next(event for event in events if event["event"] == "run_started")
    again = [*events, begun]
    assert not build_collective_report(again)["finished"]
    assert build_collective_report([*again, {"event": "step_finished", "time": 0.0}])["finished"]


def test_what_the_newest_session_no_longer_asks_for_is_left_out(events):
    begun = next(event for event in events if event["event"] == "run_started")
    report = build_collective_report([*events, begun | {"contexts": ["zeros"], "rounds": 0}])
    assert {row["context"] for row in report["results"]} == {"zeros"}
    assert [row["round"] for row in report["rounds"]] == [0]
