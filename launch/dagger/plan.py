"""What a run would do, before it does it: tasks, disk and time; on resume, what is reused and what is redone."""

from __future__ import annotations

from pathlib import Path

from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.stages import Stage, StageLog, evaluation_stage, rollout_stage, training_stage

#: Measured on two 2.5 GHz cores with the default recipe (docs/results/demo.md); other machines scale them.
SECONDS_PER_PICTURE = 0.005
TRAINED_SAMPLES_PER_SECOND = 3000.0
START_SECONDS = 12.0
#: Bytes of a step beside its pictures: state, scene poses, labels.
STEP_BYTES = 4500


def describe_plan(config: DaggerConfig, run_dir: Path | None) -> str:
    """A text for people. ``run_dir`` None: a fresh run."""
    lines = [f"{config.recipe}: {config.task}, {config.rounds + 1} rounds"]
    lines += _stage_lines(config, run_dir) if run_dir is not None else []
    return "\n".join([*lines, *_size_lines(config)])


def _size_lines(config: DaggerConfig) -> list[str]:
    rollouts = sum(config.rollouts_of(index) for index in range(config.rounds + 1))
    evaluations = (config.rounds + 1) * config.evaluation.episodes + config.evaluation.final_episodes
    cameras = len(config.render.cameras)
    steps = rollouts * config.rollout.max_steps
    drawn = cameras * (steps + evaluations * config.evaluation.max_steps)
    gigabytes = steps * (cameras * config.render.size**2 * 3 + STEP_BYTES) / 1e9
    gradient_steps = config.learner.gradient_steps
    trained = (config.rounds + 1) * (
        gradient_steps * config.learner.batch_size if gradient_steps else (config.learner.epochs or 0) * steps
    )
    seconds = START_SECONDS + drawn * SECONDS_PER_PICTURE + trained / TRAINED_SAMPLES_PER_SECOND
    return [
        f"tasks    {rollouts} rollouts, {config.rounds + 1} trainings, {evaluations} evaluation episodes",
        f"disk     at most {gigabytes:.2f} GB of episodes",
        f"minutes  at most about {seconds / 60:.0f} on two 2.5 GHz cores",
    ]


def _stage_lines(config: DaggerConfig, run_dir: Path) -> list[str]:
    """Walk the stages as the runner would; after the first one to be redone the rest depends on its result."""
    log = StageLog(run_dir / "stages")
    policy, manifests, lines = "", [], []
    for round_index in range(config.rounds + 1):
        rollout = rollout_stage(config, round_index, policy)
        manifest = _look(log, rollout, "manifest", lines)
        if manifest is None:
            return [*lines, "  everything after it is redone"]
        manifests.append(manifest)
        training = training_stage(config, round_index, manifests, policy)
        trained = _look(log, training, "checkpoint_sha256", lines)
        if trained is None:
            return [*lines, "  everything after it is redone"]
        policy = trained
        evaluated = _look(log, evaluation_stage(config, round_index, policy), "successes", lines)
        if evaluated is None:
            lines.append("  the final evaluation depends on it")
    return lines


def _look(log: StageLog, stage: Stage, output: str, lines: list[str]) -> str | None:
    outputs = log.outputs(stage)
    if outputs is None:
        lines.append(f"  redo   {stage.name}: {log.why_redo(stage)}")
        return None
    lines.append(f"  reuse  {stage.name}")
    return str(outputs[output])
