from __future__ import annotations

import io

import pytest

from potstill.launch.expert.config import BudgetConfig
from potstill.launch.expert.progress_line import ProgressLine
from potstill.launch.reporting.line_display import LINE_SECONDS, LineDisplay


def progress(env_steps, *, seconds, success_rate=0.5):
    rates = {"decisions_per_second": 410.4, "updates_per_second": 205.0, "env_steps_per_second": 820.0}
    return {
        "event": "training_progress",
        "env_steps": env_steps,
        "seconds": seconds,
        "success_rate": success_rate,
        **rates,
    }


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def shown():
    """(line, clock, stream): a display without a terminal."""
    clock, stream = Clock(), io.StringIO()
    return (
        LineDisplay(ProgressLine(BudgetConfig(env_steps=10_000)), stream=stream, clock=clock),
        clock,
        stream,
    )


def test_a_line_says_everything_that_matters(shown):
    line, _, stream = shown
    line.show({"event": "evaluation_finished", "env_steps": 4000, "successes": [1] * 9 + [0]})
    line.show(progress(5000, seconds=50.0))
    text = stream.getvalue().splitlines()[0]
    assert "held-out success 0.90 [0.60, 0.98] of 10 at 4,000 env steps" in text
    line.show(progress(5000, seconds=50.0))


def test_progress_comes_at_most_every_few_seconds_milestones_at_once(shown):
    line, clock, stream = shown
    for second in range(2 * int(LINE_SECONDS) + 1):
        clock.now = float(second)
        line.show(progress(5000, seconds=50.0))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert "5,000 of 10,000 env steps  410 decisions/s  205 updates/s  training 0.50" in lines[0]
    assert "not evaluated yet" in lines[0] and lines[0].endswith("ETA at most 0:50")
    line.show({"event": "training_finished", "reason": "enough"})
    assert stream.getvalue().splitlines()[-1] == "[0:10] trained: enough"


def test_the_eta_is_the_nearer_of_both_limits():
    stream = io.StringIO()
    line = LineDisplay(
        ProgressLine(BudgetConfig(env_steps=10_000, minutes=1.0)), stream=stream, clock=Clock()
    )
    line.show(progress(5000, seconds=50.0, success_rate=None))
    assert "training -" in stream.getvalue()
    assert "ETA at most 0:10" in stream.getvalue()


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            {
                "event": "run_started",
                "task": "t",
                "robot": "r",
                "seed": 1,
                "env_steps": 1200,
                "resumed": True,
            },
            "resumed at 1,200: t, r, seed 1",
        ),
        ({"event": "rung_kept", "env_steps": 1200, "success_rate": 0.4}, "ladder: kept the expert of 1,200"),
        (
            {"event": "gate_applied", "passed": False, "threshold": 0.8, "expert": "oracle-fallback"},
            "NOT passed",
        ),
        ({"event": "diverged", "message": "critic_loss is inf"}, "critic_loss is inf"),
        ({"event": "final_evaluation_finished", "successes": [1, 1]}, "final success 1.00 [0.34, 1.00] of 2"),
    ],
)
def test_milestones_are_told_at_once(shown, event, text):
    line, _, stream = shown
    line.show(event)
    assert text in stream.getvalue()


def test_an_event_that_is_none_of_its_business_is_ignored(shown):
    line, _, stream = shown
    line.show({"event": "checkpoint_saved", "env_steps": 3})
    assert stream.getvalue() == ""
