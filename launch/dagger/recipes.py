"""The recipes: functions that return one complete typed configuration each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from potstill.actors.rollout_config import RolloutConfig
from potstill.envs.rendering.render_config import RenderConfig
from potstill.launch.dagger.config import DaggerConfig, EvaluationConfig, PoolsConfig, TeacherConfig
from potstill.launch.engine.named_or_file import named_or_file
from potstill.learners.bc.config import BcConfig
from potstill.policies.pixel_policy_config import PixelPolicyConfig


def demo() -> DaggerConfig:
    """reach-v3 from two small pictures: about five minutes on two cores."""
    return DaggerConfig(
        recipe="demo",
        task="reach-v3",
        rounds=3,
        bootstrap_rollouts=100,
        rollouts=50,
        rollout=RolloutConfig(max_steps=100),
        policy=PixelPolicyConfig(encoder="nature"),
        learner=BcConfig(gradient_steps=500, batch_size=128),
        evaluation=EvaluationConfig(episodes=50, final_episodes=100, max_steps=100),
    )


def demo_bc() -> DaggerConfig:
    """The control of ``demo``: behaviour cloning on the same number of episodes, all of them the expert's."""
    return replace(demo(), recipe="demo-bc", collection="expert_only")


def demo_sac() -> DaggerConfig:
    """``demo`` with an expert trained by SAC; needs ``--set teacher.expert=DIR``."""
    return replace(demo(), recipe="demo-sac", teacher=TeacherConfig(expert=""))


def smoke() -> DaggerConfig:
    """Everything once, as small as it goes: for tests and for trying out an installation."""
    return DaggerConfig(
        recipe="smoke",
        rounds=1,
        bootstrap_rollouts=4,
        rollouts=2,
        render=RenderConfig(size=32),
        rollout=RolloutConfig(max_steps=20, hold_steps=2, batch=2),
        teacher=TeacherConfig(ladder=(0.5,), ladder_fraction=0.5),
        learner=BcConfig(gradient_steps=20, batch_size=16),
        evaluation=EvaluationConfig(episodes=4, final_episodes=4, max_steps=20),
        pools=PoolsConfig(rollout_workers=1, render_workers=1, learner_threads=1, dashboard=False),
    )


def procedural(keyframe_interval: int = 7) -> DaggerConfig:
    """The method: pictures painted at every seventh step, by another prompt each time, and warped between.

    Four to five minutes on two cores. Other intervals keep the looks' length, so that they differ in the warp alone.
    """
    return DaggerConfig(
        recipe="procedural" if keyframe_interval == 7 else f"procedural-k{keyframe_interval}",
        rounds=2,
        bootstrap_rollouts=200,
        rollouts=100,
        render=RenderConfig(painter="procedural", keyframe_interval=keyframe_interval, look_steps=7),
        rollout=RolloutConfig(max_steps=100),
        policy=PixelPolicyConfig(encoder="nature"),
        learner=BcConfig(gradient_steps=450, batch_size=128, privileged_weight=1.0),
        evaluation=EvaluationConfig(
            episodes=20, final_episodes=60, max_steps=100, final_looks=("seen", "held_out", "plain")
        ),
        pools=PoolsConfig(dashboard=False),
    )


def raw_rgb() -> DaggerConfig:
    """Control: the simulator's own pictures."""
    return _with_painter("raw-rgb", "mujoco")


def randomised() -> DaggerConfig:
    """Control: classic domain randomisation."""
    return _with_painter("randomised", "randomised")


def bc_only() -> DaggerConfig:
    """Control: behaviour cloning on as many episodes as the method has, all of them the expert's."""
    return replace(procedural(), recipe="bc-only", collection="expert_only")


def no_warp() -> DaggerConfig:
    """Control: the method without the warp; a keyframe stands still until the next."""
    method = procedural()
    return replace(method, recipe="no-warp", render=replace(method.render, between="hold"))


def state_only() -> DaggerConfig:
    """Control without pixels: a student that is told all that the expert sees, object and goal included."""
    unseeing = blind()
    return replace(unseeing, recipe="state-only", rollout=replace(unseeing.rollout, state="full"))


def blind() -> DaggerConfig:
    """Control without pixels: a student that knows its own hand and nothing else."""
    method = procedural()
    return replace(
        method,
        recipe="blind",
        render=RenderConfig(size=16),  # drawn for the record; nobody looks at them
        policy=replace(method.policy, encoder="none"),
        learner=replace(method.learner, privileged_weight=0.0),  # no encoder to teach
        evaluation=replace(method.evaluation, final_looks=()),
    )


def expert() -> DaggerConfig:
    """The ceiling: the expert itself, evaluated as its students are; nothing is learned."""
    return replace(blind(), recipe="expert", collection="none")


def _with_painter(recipe: str, painter: Literal["mujoco", "randomised"]) -> DaggerConfig:
    return replace(procedural(), recipe=recipe, render=RenderConfig(painter=painter, look_steps=7))


RECIPES: dict[str, Callable[[], DaggerConfig]] = {
    "demo": demo,
    "demo-bc": demo_bc,
    "demo-sac": demo_sac,
    "smoke": smoke,
    "procedural": procedural,
    **{f"procedural-k{k}": functools.partial(procedural, k) for k in (1, 3, 15)},
    "raw-rgb": raw_rgb,
    "randomised": randomised,
    "bc-only": bc_only,
    "no-warp": no_warp,
    "state-only": state_only,
    "blind": blind,
    "expert": expert,
}


def load_recipe(name_or_path: str) -> DaggerConfig:
    """A recipe by name, or a YAML file as written to ``config.yaml`` of a run.

    Raises:
        BadInputError: neither; names the nearest recipes.
    """
    return named_or_file(name_or_path, RECIPES, DaggerConfig)
