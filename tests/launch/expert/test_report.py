from __future__ import annotations

import json

import pytest

from potstill.launch.expert.html_report import render_expert_report
from potstill.launch.expert.report import build_expert_report, curve_of

START = {"recipe": "expert", "task": "reach-v3", "robot": "panda", "seed": 3, "label": "l"}


def event(name, time, **facts):
    return {"event": name, "time": float(time), **facts}


def progress(time, env_steps):
    counts = {"env_steps": env_steps, "decisions": env_steps // 2, "updates": env_steps // 4}
    losses = {"critic_loss": 0.5, "entropy": 1.0}
    return event("training_progress", time, **counts, success_rate=0.25, losses=losses)


def evaluation(time, env_steps, successes, episodes=4):
    outcomes = [1] * successes + [0] * (episodes - successes)
    return event("evaluation_finished", time, env_steps=env_steps, successes=outcomes)


FINISHED = [
    event("run_started", 0, **START, env_steps=0, resumed=False),
    progress(5, 1000),
    evaluation(6, 1000, 1),
    progress(9, 1900),
    event("run_started", 100, **START, env_steps=1000, resumed=True),
    progress(105, 2000),
    evaluation(106, 2000, 4),
    event("rung_kept", 106, env_steps=2000, success_rate=1.0, sha256="f00"),
    event("training_finished", 107, reason="x", env_steps=2000, decisions=1000, updates=500),
    event("final_evaluation_finished", 108, env_steps=2000, successes=[1] * 48 + [0] * 2),
    event("gate_applied", 109, passed=True, threshold=0.8, expert="sac"),
    event("run_finished", 110, state="finished"),
    event("session_ended", 110, seconds=10.0),
]


def test_the_row_of_a_finished_run_holds_what_scripts_rely_on():
    report = build_expert_report(FINISHED)
    row = report["results"][0]
    assert report["finished"] and report["recipe"] == "expert"
    assert (row["task"], row["robot"], row["seed"], row["state"]) == ("reach-v3", "panda", 3, "finished")
    assert (row["success_rate"], row["eval_episodes"]) == (0.96, 50)
    assert row["success_ci95"] == pytest.approx([0.8654, 0.9890], abs=1e-4)
    assert (row["env_steps"], row["decisions"], row["updates"]) == (2000, 1000, 500)
    assert (row["expert"], row["gate_passed"], row["gate_threshold"]) == ("sac", True, 0.8)
    assert row["wall_seconds"] == 9.0 + 10.0  # a killed session counts up to its last event
    assert [(point["env_steps"], point["success_rate"]) for point in row["curve"]] == [
        (1000, 0.25),
        (2000, 1.0),
    ]


def test_evaluations_that_a_crash_took_back_are_not_on_the_curve():
    events = [
        event("run_started", 0, **START, env_steps=0),
        evaluation(1, 1000, 1),
        evaluation(2, 2000, 2),
        event("run_started", 3, **START, env_steps=1000),
        evaluation(4, 2000, 3),
    ]
    assert [sum(point["successes"]) for point in curve_of(events)] == [1, 3]


@pytest.mark.parametrize("count", range(len(FINISHED)))
def test_a_run_that_is_not_over_has_a_report_too(count):
    report = build_expert_report(FINISHED[:count])
    assert report["finished"] is (count == len(FINISHED) - 1)
    json.dumps(report, allow_nan=False)


def test_a_diverged_run_says_so():
    events = [
        *FINISHED[:2],
        event("diverged", 6, message="critic_loss is inf"),
        event("gate_applied", 7, passed=False, threshold=0.8, expert="oracle-fallback"),
        event("run_finished", 8, state="diverged"),
    ]
    row = build_expert_report(events)["results"][0]
    assert (row["state"], row["success_rate"], row["expert"]) == ("diverged", None, "oracle-fallback")


def test_the_page_shows_the_figures_and_escapes_what_came_from_outside(make_config):
    page = render_expert_report(
        events=[*FINISHED, event("warning", 111, message="<script>alert(1)</script>")],
        config=make_config(),
        provenance={"note": "<b>"},
    )
    for text in ("0.96", "[0.87, 0.99] of 50", "2,000", "panda", "f00", "sac.update_ratio", "<svg"):
        assert text in page
    assert "<script>alert" not in page and "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("count", range(1, len(FINISHED)))
def test_a_page_can_be_drawn_at_any_time(make_config, count):
    assert "</html>" in render_expert_report(events=FINISHED[:count], config=make_config(), provenance={})
