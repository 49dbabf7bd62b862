from __future__ import annotations

import pytest

from potstill.launch.collective.progress_line import progress_line


def test_a_whole_run_is_told_in_lines_and_progress_gives_way(story, as_read):
    lines = [line for line in map(progress_line, as_read(story())) if line is not None]
    assert [line.text for line in lines if line.milestone] == [
        "started smoke: 2 tasks x 1 robot",
        "round 0: bootstrap, 10 episodes asked",
        "round 0: 10 episodes, 1,000 steps, actors succeeded in 40%",
        "representation: trained, a linear probe tells the task in 97.5% of held-out windows",
        "round_00: distilled (code), loss 0.1, validation 0.2",
        "round_00: success 0.50 [0.15, 0.85] of 4 (code)",
        "round 1: on_policy, 4 episodes asked",
        "round 1: 4 episodes, 1,001 steps, actors succeeded in 40%",
        "round_01: distilled (code), loss 0.1, validation 0.2",
        "round_01: success 0.50 [0.15, 0.85] of 4 (code)",
        "final.code: distilled (code), loss 0.1, validation 0.2",
        "final.zeros: distilled (zeros), loss 0.1, validation 0.2",
        "final.code: success 0.25 [0.10, 0.49] of 16 (code)",
        "final.zeros: success 0.06 [0.01, 0.28] of 16 (zeros)",
        "finished",
    ]
    progress = [line.text for line in lines if not line.milestone]
    assert progress[:2] == ["round 0: episodes 3/10", "round_00: step 5/10, loss 0.2, 900 samples/s"]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"event": "worker_restarted", "pool": "rollout", "reason": "died"}, "a rollout worker was restarted: died"),
        ({"event": "pool_resized", "pool": "rollout", "before": 1, "after": 3}, "rollout workers: 1 -> 3"),
        ({"event": "warning", "message": "look"}, "warning: look"),
        ({"event": "dashboard_started", "url": "http://localhost:1"}, "Ray dashboard: http://localhost:1"),
        ({"event": "evaluation_progress", "name": "final.id", "done": 1, "requested": 2}, "final.id: evaluation 1/2"),
        ({"event": "representation_finished", "loss": None}, "representation: trained"),
        # A training that was resumed at its end never looked at a loss.
        (
            {"event": "distillation_finished", "name": "n", "context": "id", "loss": None, "validation_loss": None},
            "n: distilled (id)",
        ),
        (
            {"event": "distillation_finished", "name": "n", "context": "id", "loss": None, "validation_loss": 0.5},
            "n: distilled (id), validation 0.5",
        ),
    ],
)  # fmt: skip
def test_an_event_is_told_in_a_line(event, text):
    assert progress_line(event).text == text


def test_an_event_for_machines_is_not_told():
    for event in ("session_ended", "round_finished", "something_new"):
        assert progress_line({"event": event}) is None
