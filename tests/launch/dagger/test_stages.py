from __future__ import annotations

from dataclasses import replace

import pytest

from potstill.actors.beta_schedule import BetaSchedule
from potstill.actors.rollout_config import RolloutConfig
from potstill.envs.rendering.render_config import RenderConfig
from potstill.launch.dagger.config import (
    DaggerConfig,
    DeliveryConfig,
    EvaluationConfig,
    PoolsConfig,
    TeacherConfig,
)
from potstill.launch.dagger.stages import (
    evaluation_render,
    evaluation_stage,
    rollout_stage,
    training_stage,
)
from potstill.learners.bc.config import BcConfig

CONFIG = DaggerConfig(recipe="r")


def stages(config):
    return {
        "bootstrap": rollout_stage(config, 0, ""),
        "on_policy": rollout_stage(config, 1, "student"),
        "training": training_stage(config, 1, ["m0", "m1"], "student"),
        "evaluation": evaluation_stage(config, 1, "student"),
        "final": evaluation_stage(config, None, "student"),
    }


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"recipe": "other"}, ""),
        ({"pools": PoolsConfig(rollout_workers=7)}, ""),
        ({"delivery": DeliveryConfig(lease_seconds=99.0)}, ""),
        ({"rounds": 9}, ""),
        ({"rollout": RolloutConfig(batch=64)}, ""),
        ({"teacher": TeacherConfig(ladder_fraction=0.1)}, "bootstrap"),
        ({"bootstrap_rollouts": 7}, "bootstrap"),
        ({"beta": BetaSchedule(value=0.5)}, "on_policy"),
        ({"rollouts": 7}, "on_policy"),
        ({"rollout": RolloutConfig(max_steps=9)}, "bootstrap on_policy"),
        ({"learner": BcConfig(batch_size=9)}, "training"),
        ({"evaluation": EvaluationConfig(episodes=9)}, "evaluation"),
        ({"evaluation": EvaluationConfig(final_episodes=9)}, "final"),
        ({"render": RenderConfig(size=48)}, "bootstrap on_policy evaluation final"),
        ({"render": RenderConfig(look_steps=7)}, "bootstrap on_policy evaluation final"),
        ({"render": RenderConfig(between="hold")}, "bootstrap on_policy evaluation final"),
        ({"rollout": RolloutConfig(state="full")}, "bootstrap on_policy evaluation final"),
        ({"evaluation": EvaluationConfig(final_looks=("plain",))}, ""),
        ({"task": "push-v3"}, "bootstrap on_policy evaluation final"),
        ({"robot": "panda"}, "bootstrap on_policy evaluation final"),
        ({"seed": 1}, "bootstrap on_policy training"),
    ],
    ids=lambda value: None if isinstance(value, str) else "+".join(value),
)
def test_a_changed_setting_changes_only_the_stages_that_depend_on_it(change, redone):
    before, after = stages(CONFIG), stages(replace(CONFIG, **change))
    assert {name for name in before if before[name].key != after[name].key} == set(redone.split())


def test_a_new_student_or_new_episodes_redo_what_they_went_into():
    assert rollout_stage(CONFIG, 1, "a").key != rollout_stage(CONFIG, 1, "b").key
    assert rollout_stage(CONFIG, 0, "a").key == rollout_stage(CONFIG, 0, "b").key
    assert (
        training_stage(CONFIG, 1, ["m0", "m1"], "a").key != training_stage(CONFIG, 1, ["m0", "m2"], "a").key
    )
    assert evaluation_stage(CONFIG, 1, "a").key != evaluation_stage(CONFIG, 1, "b").key


def test_settings_that_are_younger_than_a_run_do_not_redo_its_stages():
    # The key that this configuration had before there were final looks, held keyframes and full state.
    assert rollout_stage(CONFIG, 0, "").key == "ec25dcfd"
    assert rollout_stage(CONFIG, 1, "student").key == "c40f1208"
    assert evaluation_stage(CONFIG, None, "student").key == "9fe3b654"


@pytest.mark.parametrize("painter", ["mujoco", "randomised", "procedural"])
def test_a_final_look_is_the_same_whatever_the_student_was_trained_on(painter):
    config = replace(CONFIG, render=RenderConfig(painter=painter, keyframe_interval=7))
    looks = {look: evaluation_render(config, look) for look in ("seen", "held_out", "plain")}
    assert {look: render.painter for look, render in looks.items()} == {
        "seen": "procedural",
        "held_out": "procedural",
        "plain": "mujoco",
    }
    assert {render.keyframe_interval for render in looks.values()} == {1}
    assert evaluation_render(config) == config.render


def test_each_final_look_is_a_stage_of_its_own():
    stages = [
        evaluation_stage(CONFIG, None, "sha", look=look) for look in (None, "seen", "held_out", "plain")
    ]
    assert [stage.name for stage in stages] == [
        "final.evaluation", "final.seen.evaluation", "final.held_out.evaluation", "final.plain.evaluation"
    ]  # fmt: skip


def test_the_experts_own_evaluation_depends_on_who_the_expert_is():
    trained = replace(CONFIG, teacher=TeacherConfig(expert="teachers/x"))
    keys = {evaluation_stage(config, None, "").key for config in (CONFIG, trained)}
    assert len(keys) == 2
    assert evaluation_stage(CONFIG, None, "sha").key == evaluation_stage(trained, None, "sha").key
