from __future__ import annotations

import pytest

from potstill.launch.reporting.run_progress import RunProgress


def numbered(pairs):
    return [{"event": name, "time": float(time), **facts} for time, (name, facts) in enumerate(pairs)]


def until(events, name, count=1):
    """The events up to and including the count-th of that name."""
    seen = 0
    for index, event in enumerate(events):
        seen += event["event"] == name
        if seen == count:
            return events[: index + 1]
    raise AssertionError(name)


def state_of(events):
    progress = RunProgress()
    progress.update_all(events)
    return progress


@pytest.fixture
def events(events_of_run):
    return numbered(events_of_run())


def test_the_stages_follow_the_events(events):
    stages = []
    progress = RunProgress()
    for event in events:
        progress.update(event)
        if not stages or stages[-1] != progress.stage:
            stages.append(progress.stage)
    assert stages == ["starting", *["rollouts", "training", "evaluation"] * 3, "finished"]


def test_rounds_remember_what_they_reached(events):
    progress = state_of(events)
    assert [known.rollouts_done for known in progress.rounds.values()] == [3, 3, 3]
    assert [known.success.rate for known in progress.rounds.values()] == [0.2, 0.5, 0.9]
    assert progress.final.episodes == 20


def test_the_queue_is_shown_while_rollouts_run(events):
    progress = state_of(until(events, "rollouts_progress"))
    assert (progress.waiting, progress.leased, progress.frames_per_second) == (2, 1, 55.5)
    assert progress.current.fraction == pytest.approx(1 / 3)


def test_training_counts_steps_where_they_are_known(events):
    fact = {
        "event": "training_progress",
        "time": 9.0,
        "round": 0,
        "step": 30,
        "steps": 40,
        "epoch": 0,
        "loss": 1.0,
    }
    progress = state_of([*until(events, "rollouts_finished"), fact])
    assert progress.current.fraction == 0.75


def test_the_time_left_is_unknown_until_every_kind_of_stage_was_seen(events):
    assert state_of(until(events, "training_finished")).eta_seconds(100.0) is None
    assert state_of(until(events, "evaluation_finished")).eta_seconds(100.0) is not None
    assert state_of(events).eta_seconds(1e9) == 0.0


def test_the_time_left_is_exact_for_rounds_that_repeat():
    """Three rounds of 10 + 20 + 5 s and a last evaluation of 5 s, told without progress inside the stages."""
    events, now = [], 0.0

    def say(name, seconds=0.0, **facts):
        nonlocal now
        now += seconds
        events.append({"event": name, "time": now, **facts})

    say("run_started", recipe="r", task="t", rounds=2, rollouts=[4, 4, 4])
    for i in range(3):
        say("round_started", round=i, phase="on_policy", rollouts_requested=4)
        say("rollouts_finished", 10.0, round=i, rollouts_committed=4, frames=9, rollout_seconds=10.0)
        say("training_finished", 20.0, round=i, train_seconds=20.0)
        say("evaluation_finished", 5.0, round=i, successes=[1], evaluation_seconds=5.0)
    total = 3 * 35.0 + 5.0
    progress = RunProgress()
    for event in events:
        progress.update(event)
        left = progress.eta_seconds(event["time"])
        if left is not None and event["event"] != "evaluation_finished":
            assert left == pytest.approx(total - event["time"])


def test_a_stage_that_runs_slower_than_the_last_one_moves_the_estimate(events):
    start = until(events, "round_started", 2)
    began = start[-1]["time"]
    slow = {
        "event": "rollouts_progress",
        "round": 1,
        "done": 1,
        "requested": 2,
        "frames": 1,
        "frames_per_second": 1.0,
    }
    progress = state_of([*start, {**slow, "waiting": 1, "leased": 0, "time": began + 100}])
    before = state_of(start).eta_seconds(began)
    assert progress.eta_seconds(began + 100) == pytest.approx(before - 3 * 8.5 / 3 + 100)


def test_unknown_events_are_ignored(events):
    progress = state_of(events)
    progress.update({"event": "something_new", "time": 1.0})
    assert progress.stage == "finished"


def test_restarts_and_warnings_are_kept():
    progress = RunProgress()
    progress.update({"event": "worker_restarted", "pool": "render", "reason": "signal 9", "time": 0.0})
    progress.update({"event": "warning", "message": "disk is nearly full", "time": 0.0})
    assert (progress.worker_restarts, progress.warnings) == (1, ["disk is nearly full"])
