from __future__ import annotations

from dataclasses import replace

import pytest

from potstill.launch.dagger.plan import STEP_BYTES, describe_plan


def stage_lines(text):
    return [line.strip() for line in text.splitlines() if line.startswith("  ")]


def test_a_dry_run_says_tasks_disk_and_minutes_and_touches_nothing(make_rig):
    rig = make_rig()
    config = replace(rig.config, rounds=2, rollouts=100)
    first, tasks, disk, minutes = describe_plan(config, None).splitlines()
    assert first == "tiny: reach-v3, 3 rounds"
    assert tasks == "tasks    204 rollouts, 3 trainings, 11 evaluation episodes"
    # 204 episodes of at most 6 steps with 2 pictures of 16 x 16 x 3 bytes.
    assert disk == f"disk     at most {204 * 6 * (2 * 16 * 16 * 3 + STEP_BYTES) / 1e9:.2f} GB of episodes"
    assert minutes.startswith("minutes  at most about ")
    assert not rig.run_dir.exists()


def test_a_finished_run_is_reused_whole(uninterrupted):
    rig, _ = uninterrupted
    lines = stage_lines(describe_plan(rig.config, rig.run_dir))
    stages = [f"round_0{i}.{stage}" for i in (0, 1) for stage in ("rollout", "training", "evaluation")]
    assert lines == [f"reuse  {stage}" for stage in [*stages, "final.evaluation"]]


@pytest.mark.parametrize(
    ("settings", "redo"),
    [
        ({"bootstrap_rollouts": 5}, "redo   round_00.rollout: changed: rollouts"),
        ({"rollouts": 3}, "redo   round_01.rollout: changed: rollouts"),
        ({"rounds": 2}, "redo   round_02.rollout: not done yet"),
    ],
)
def test_what_is_redone_is_named_with_the_setting_that_changed(uninterrupted, settings, redo):
    rig, _ = uninterrupted
    lines = stage_lines(describe_plan(replace(rig.config, **settings), rig.run_dir))
    assert lines[-2:] == [redo, "everything after it depends on its result"]
    assert all(line.startswith("reuse") for line in lines[:-2])


def test_a_longer_evaluation_redoes_evaluations_alone(uninterrupted):
    rig, _ = uninterrupted
    evaluation = replace(rig.config.evaluation, episodes=9)
    lines = stage_lines(describe_plan(replace(rig.config, evaluation=evaluation), rig.run_dir))
    assert [line for line in lines if line.startswith("redo")] == [
        f"redo   round_0{i}.evaluation: changed: episodes" for i in (0, 1)
    ]
    assert lines[-1] == "the final evaluation depends on them"


def test_the_plan_of_an_interrupted_run_is_what_resume_then_does(make_rig):
    rig = make_rig()
    rig.run(kill_before=3)
    lines = stage_lines(describe_plan(rig.config, rig.run_dir))
    assert lines[:3] == [
        "reuse  round_00.rollout",
        "reuse  round_00.training",
        "redo   round_00.evaluation: not done yet",
    ]
    events = rig.run()
    assert [event["round"] for event in events.named("rollouts_finished")] == [1]
    assert [event["round"] for event in events.named("evaluation_finished")] == [0, 1]
