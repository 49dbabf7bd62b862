from __future__ import annotations

import io

import pytest

from potstill.launch.reporting.progress_display import LINE_SECONDS, ProgressDisplay
from potstill.launch.reporting.run_progress import RunProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


def show_all(display, clock, pairs, seconds):
    for name, facts in pairs:
        clock.now += seconds
        display.show({"event": name, "time": clock.now, **facts})
    display.close()


def test_without_a_terminal_each_milestone_is_one_plain_line(events_of_run, clock):
    stream = io.StringIO()
    show_all(ProgressDisplay(RunProgress(), stream=stream, clock=clock), clock, events_of_run(), seconds=0.01)
    lines = stream.getvalue().splitlines()
    assert "started demo on reach-v3" in lines[0]
    assert "\x1b" not in stream.getvalue()
    assert any("round 1/2  success 0.50 [0.24, 0.76] of 10" in line for line in lines)
    assert "finished: best round 2, final success 0.85 [0.64, 0.95] of 20" in lines[-1]


def test_a_training_without_validation_shows_its_loss_alone(clock):
    stream = io.StringIO()
    facts = dict(round=0, train_seconds=1.0, loss=0.25, validation_loss=None)
    show_all(
        ProgressDisplay(RunProgress(), stream=stream, clock=clock), clock, [("training_finished", facts)], 0.1
    )
    assert stream.getvalue().endswith("trained: loss 0.25\n")


def test_each_final_look_is_a_line_of_its_own(clock):
    stream = io.StringIO()
    looks = [
        ("look_evaluation_finished", dict(round=1, look=look, successes=successes))
        for look, successes in (("seen", [1, 1]), ("plain", [0, 1]))
    ]
    show_all(ProgressDisplay(RunProgress(), stream=stream, clock=clock), clock, looks, 0.1)
    seen, plain = stream.getvalue().splitlines()
    assert seen.endswith("final success, seen: 1.00 [0.34, 1.00] of 2")
    assert plain.endswith("final success, plain: 0.50 [0.09, 0.91] of 2")


def test_progress_lines_come_at_most_every_five_seconds(clock):
    stream = io.StringIO()
    display = ProgressDisplay(RunProgress(), stream=stream, clock=clock)
    facts = dict(round=0, requested=600, frames=9, frames_per_second=41.0, waiting=7, leased=2)
    show_all(display, clock, [("rollouts_progress", dict(done=n, **facts)) for n in range(600)], seconds=0.1)
    lines = stream.getvalue().splitlines()
    assert 60 / LINE_SECONDS - 1 <= len(lines) <= 60 / LINE_SECONDS + 1
    assert "41 frames/s" in lines[1] and "queue 7 waiting, 2 at work" in lines[1] and "ETA" in lines[1]


def test_restarts_resizes_and_warnings_are_said_at_once(clock):
    stream = io.StringIO()
    events = [
        ("worker_restarted", {"pool": "render", "reason": "signal 9"}),
        ("pool_resized", {"pool": "render", "before": 2, "after": 3}),
        ("warning", {"message": "slow disk"}),
    ]
    show_all(ProgressDisplay(RunProgress(), stream=stream, clock=clock), clock, events, seconds=0.01)
    assert stream.getvalue().splitlines() == [
        "[0:00] a render worker was restarted: signal 9",
        "[0:00] render workers: 2 -> 3",
        "[0:00] warning: slow disk",
    ]


def test_on_a_terminal_a_table_is_redrawn(events_of_run, clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    events = list(events_of_run())
    show_all(ProgressDisplay(RunProgress(), stream=stream, clock=clock), clock, events, seconds=1.0)
    last = stream.getvalue()
    assert "\x1b[" in last
    for text in ("demo", "bootstrap", "on_policy", "3/3", "0.90 [0.60, 0.98] of 10", "final success"):
        assert text in last


def test_a_terminal_shows_queue_speed_and_bar_during_rollouts(events_of_run, clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    show_all(
        ProgressDisplay(RunProgress(), stream=stream, clock=clock),
        clock,
        list(events_of_run())[:3],
        seconds=1.0,
    )
    assert "queue 2 waiting, 1 at work" in stream.getvalue() and "56 frames/s" in stream.getvalue()


def test_the_ray_dashboards_address_is_said_once(clock):
    stream = io.StringIO()
    events = [("dashboard_started", {"url": "http://127.0.0.1:8265"})]
    show_all(ProgressDisplay(RunProgress(), stream=stream, clock=clock), clock, events, seconds=0.01)
    assert stream.getvalue().count("Ray dashboard: http://127.0.0.1:8265") == 1
