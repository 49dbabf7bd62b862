"""The stages of a DAgger run and what each depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from potstill.envs.rendering.render_config import RenderConfig
from potstill.launch.dagger.config import DaggerConfig, Look
from potstill.launch.engine.stage import Stage
from potstill.learners.bc.config import BcConfig


def rollout_stage(config: DaggerConfig, round_index: int, student_sha256: str) -> Stage:
    """Collecting a round. Depends on the student only when it acts."""
    on_policy = config.phase_of(round_index) == "on_policy"
    inputs = {
        "task": config.task,
        "seed": config.seed,
        "rollouts": config.rollouts_of(round_index),
        "max_steps": config.rollout.max_steps,
        "hold_steps": config.rollout.hold_steps,
        "render": _render_inputs(config.render),
        "expert": config.teacher.expert,
    }  # a pinned expert is named by its hash: another one is another input
    inputs |= _other_world(config)
    if on_policy:
        inputs |= {"student": student_sha256, "beta": config.beta.beta(round_index)}
    else:
        teacher = asdict(config.teacher)
        if not config.teacher.ladder_experts:  # a run of before there were any goes on as it began
            teacher.pop("ladder_experts")
        inputs |= {"collection": config.collection, "teacher": teacher}
    return Stage(name=f"round_{round_index:02d}.rollout", inputs=inputs)


def training_stage(
    config: DaggerConfig, round_index: int, manifests: list[str], initial_sha256: str
) -> Stage:
    """Training on the union of all rounds so far."""
    inputs = {
        "seed": config.seed,
        "manifests": manifests,
        "initial_policy": initial_sha256,
        "policy": asdict(config.policy),
        "learner": _learner_inputs(config.learner),
    }
    return Stage(name=f"round_{round_index:02d}.training", inputs=inputs)


def evaluation_stage(
    config: DaggerConfig, round_index: int | None, policy_sha256: str, *, look: Look | None = None
) -> Stage:
    """Closed-loop evaluation of a round's policy, or (None) of the best one on seeds of its own.

    Args:
        config: The run's.
        round_index: None for the final evaluations.
        policy_sha256: Empty: the expert itself acts.
        look: One of ``evaluation.final_looks``; None for the look by which the best round is chosen.
    """
    final = round_index is None
    inputs = {
        "task": config.task,
        "policy": policy_sha256,
        "episodes": config.evaluation.final_episodes if final else config.evaluation.episodes,
        "max_steps": config.evaluation.max_steps,
        "render": _render_inputs(evaluation_render(config, look)),
    }
    if (look or config.evaluation.look) != "seen":
        inputs["look"] = look or config.evaluation.look
    if not policy_sha256:
        inputs["expert"] = config.teacher.expert
    inputs |= _other_world(config)
    name = "final" if final else f"round_{round_index:02d}"
    return Stage(name=f"{name}.{look}.evaluation" if look else f"{name}.evaluation", inputs=inputs)


def evaluation_render(config: DaggerConfig, look: Look | None = None) -> RenderConfig:
    """What the student is shown while it is evaluated on one of the final looks, or (None) as in training."""
    if look is None:
        plain = config.evaluation.look == "plain"
        return replace(config.render, painter="mujoco") if plain else config.render
    # Painted at every step, as a camera takes pictures: warping is a thrift of training.
    every_step = replace(config.render, keyframe_interval=1)
    if look == "plain":
        return replace(every_step, painter="mujoco")
    return every_step if every_step.takes_prompts else replace(every_step, painter="procedural")


def _learner_inputs(learner: BcConfig) -> dict[str, Any]:
    """Without a setting that is as it was before there was one, as for pictures."""
    inputs = asdict(learner)
    if inputs["privileged_weight"] == 0.0:
        inputs.pop("privileged_weight")
    return inputs


def _render_inputs(render: RenderConfig) -> dict[str, Any]:
    """Without settings that are as they were before there were any: a run of then goes on as it began."""
    inputs = asdict(render)
    for name, before in (("between", "warp"), ("look_steps", 0)):
        if inputs[name] == before:
            inputs.pop(name)
    if not render.takes_prompts:
        for name in ("prompt_collection", "prompt_strength"):
            inputs.pop(name)
    if render.painter != "diffusion":
        inputs.pop("diffusion")
    else:  # its files are known by their hash, wherever they lie
        for name in ("model", "controlnet"):
            inputs["diffusion"].pop(name)
    return inputs


def _other_world(config: DaggerConfig) -> dict[str, str]:
    """Arm and state, unless they are what they were before there were others: such a run goes on as it began."""
    arm = {} if config.robot == "sawyer" else {"robot": config.robot}
    return arm if config.rollout.state == "hand" else arm | {"state": config.rollout.state}


def best_round(successes: Sequence[float]) -> int:
    """The round whose policy succeeded most often; of equals the latest, which has seen most data."""
    return max(range(len(successes)), key=lambda index: (successes[index], index))
