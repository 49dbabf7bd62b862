"""What a run would do, before it does it: tasks, disk and time; on resume, what is reused and what is redone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.stages import (
    best_round,
    evaluation_stage,
    rollout_stage,
    training_stage,
)
from potstill.launch.engine.stage import Stage
from potstill.launch.engine.stage_log import StageLog

#: Measured on two 2.5 GHz cores with the default recipe (docs/results/demo.md); other machines scale them.
SECONDS_PER_PICTURE = 0.0025
TRAINED_SAMPLES_PER_SECOND = 1500.0
START_SECONDS = 12.0
#: Bytes of a step beside its pictures: state, scene poses, labels.
STEP_BYTES = 4500


def describe_plan(config: DaggerConfig, run_dir: Path | None) -> str:
    """A text for people. ``run_dir`` None: a fresh run."""
    lines = [f"{config.recipe}: {config.task}, {config.round_count} rounds"]
    lines += _stage_lines(config, run_dir) if run_dir is not None else []
    return "\n".join([*lines, *_size_lines(config)])


def _size_lines(config: DaggerConfig) -> list[str]:
    rollouts = sum(config.rollouts_of(index) for index in range(config.round_count))
    finals = (1 + len(config.evaluation.final_looks)) * config.evaluation.final_episodes
    evaluations = config.round_count * config.evaluation.episodes + finals
    cameras = len(config.render.cameras)
    steps = rollouts * config.rollout.max_steps
    drawn = cameras * (steps + evaluations * config.evaluation.max_steps)
    gigabytes = steps * (cameras * config.render.size**2 * 3 + STEP_BYTES) / 1e9
    gradient_steps = config.learner.gradient_steps
    trained = config.round_count * (
        gradient_steps * config.learner.batch_size if gradient_steps else (config.learner.epochs or 0) * steps
    )
    seconds = START_SECONDS + drawn * SECONDS_PER_PICTURE + trained / TRAINED_SAMPLES_PER_SECOND
    return [
        f"tasks    {rollouts} rollouts, {config.round_count} trainings, {evaluations} evaluation episodes",
        f"disk     at most {gigabytes:.2f} GB of episodes",
        f"minutes  at most about {seconds / 60:.0f} on two 2.5 GHz cores",
        *_generator_lines(config),
    ]


def _generator_lines(config: DaggerConfig) -> list[str]:
    """How much a diffusion model has to paint: only its owner knows how fast it is."""
    if config.render.generator is None:
        return []
    interval = config.render.keyframe_interval
    keyframes = -(-config.rollout.max_steps // interval) * sum(
        config.rollouts_of(index) for index in range(config.round_count)
    )
    evaluations = config.round_count * config.evaluation.episodes + config.evaluation.final_episodes
    keyframes += -(-config.evaluation.max_steps // interval) * evaluations
    looks = len(config.evaluation.final_looks) * config.evaluation.final_episodes  # painted at every step
    pictures = len(config.render.cameras) * (keyframes + looks * config.evaluation.max_steps)
    return [f"painting at most {pictures} pictures by the diffusion model, whose time is not in the minutes"]


def _stage_lines(config: DaggerConfig, run_dir: Path) -> list[str]:
    """Walk the stages as the runner would; after the first one to be redone the rest depends on its result."""
    log = StageLog(run_dir / "stages")
    lines: list[str] = []
    manifests: list[str] = []
    policies = [""]
    successes: list[float] = []
    for round_index in range(config.round_count):
        collected = _look(log, rollout_stage(config, round_index, policies[-1]), lines)
        if collected is None:
            return [*lines, "  everything after it depends on its result"]
        manifests.append(collected["manifest"])
        trained = _look(log, training_stage(config, round_index, manifests, policies[-1]), lines)
        if trained is None:
            return [*lines, "  everything after it depends on its result"]
        policies.append(trained["checkpoint_sha256"])
        evaluated = _look(log, evaluation_stage(config, round_index, policies[-1]), lines)
        if evaluated is not None:
            successes.append(sum(evaluated["successes"]) / len(evaluated["successes"]))
    if len(successes) < config.round_count:
        return [*lines, "  the final evaluation depends on them"]
    best = policies[1 + best_round(successes)] if successes else ""
    for look in (None, *config.evaluation.final_looks):
        _look(log, evaluation_stage(config, None, best, look=look), lines)
    return lines


def _look(log: StageLog, stage: Stage, lines: list[str]) -> dict[str, Any] | None:
    outputs = log.outputs(stage)
    lines.append(f"  reuse  {stage.name}" if outputs else f"  redo   {stage.name}: {log.why_redo(stage)}")
    return outputs
