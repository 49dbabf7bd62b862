"""The queue tasks of each stage: ids, seeds, actors and priorities follow from configuration and round alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from potstill.actors.rollout_job import RolloutJob
from potstill.actors.teacher_source import TeacherSource
from potstill.experience.episode_seeds import evaluation_seed, final_evaluation_seed, rollout_seed
from potstill.experience.prompt_collection import PromptCollection, PromptSplit
from potstill.launch.dagger.config import DaggerConfig, Look
from potstill.launch.dagger.prompt_file import pinned_prompts
from potstill.launch.dagger.stages import (
    evaluation_render,
)
from potstill.launch.engine.pinned_expert import source_of
from potstill.launch.engine.stage import Stage
from potstill.learners.training_job import TrainingJob
from potstill.queues.task import Task

#: Evaluations overtake rollouts; training is waited for by nobody but the runner.
_PRIORITY = {"rollout": 1, "evaluation": 5, "training": 3}


@dataclass(frozen=True, kw_only=True)
class StageTasks:
    """Makes the tasks of every stage of one run: the same ones whoever asks, the runner, a rebuild or a replay.

    A checkpoint is a policy's (folder, sha256); both are empty where there is none.
    """

    config: DaggerConfig
    """With pinned teachers and prompts (teacher_files.py, prompt_file.py)."""
    run: str
    """The run's id."""
    run_dir: Path
    """Holds checkpoints, pinned teachers and prompts."""
    store: str
    """URL of the episodes."""

    def rollouts(self, stage: Stage, round_index: int, checkpoint: tuple[str, str]) -> list[Task]:
        """One task per episode of a round (0 = bootstrap); ``checkpoint`` is the student's that acts in it."""
        config = self.config
        on_policy = config.phase_of(round_index) == "on_policy"
        expert = source_of(config.teacher.expert, self.run_dir)
        mixed = round_index == 0 and config.collection == "dagger"
        actors = _bootstrap_actors(config, expert, self.run_dir) if mixed else []
        prompts = pinned_prompts(config.render, self.run_dir)
        one_look = config.render.look_steps == 0
        prompt_file = (
            "" if one_look or prompts is None else str(self.run_dir / config.render.prompt_collection)
        )
        tasks = []
        for index in range(config.rollouts_of(round_index)):
            teacher, sigma = actors[index] if mixed else (expert, 0.0)
            seed = rollout_seed(config.seed, round_index, index)
            job = RolloutJob(
                purpose="rollout",
                run=self.run,
                round=round_index,
                index=index,
                task=config.task,
                robot=config.robot,
                seed=seed,
                sigma=sigma,
                expert=expert,
                teacher=teacher,
                checkpoint=checkpoint[0] if on_policy else "",
                checkpoint_sha256=checkpoint[1] if on_policy else "",
                beta=config.beta.beta(round_index) if on_policy else 1.0,
                max_steps=config.rollout.max_steps,
                hold_steps=config.rollout.hold_steps,
                state=config.rollout.state,
                store=self.store,
                render=config.render,
                **(_prompt(prompts, "train", seed) if one_look else {}),
                prompt_file=prompt_file,
            )
            tasks.append(self._task(stage, "rollout", index, job.to_payload()))
        return tasks

    def training(self, stage: Stage, round_index: int, initial: str) -> Task:
        """The training on all rounds up to this one; it starts from ``initial``, a policy folder or empty."""
        job = TrainingJob(
            store=self.store,
            rounds=tuple(range(round_index + 1)),
            policy=self.config.policy,
            learner=self.config.learner,
            initial_policy=initial,
            output=str(self.checkpoint_folder(round_index)),
            seed=self.config.seed,
        )
        return self._task(stage, "training", 0, job.to_payload())

    def evaluation(
        self, stage: Stage, checkpoint: tuple[str, str], *, look: Look | None = None
    ) -> list[Task]:
        """One task per evaluation episode of a policy, or without a checkpoint of the expert.

        ``look`` is one of ``evaluation.final_looks``, or None.
        """
        config = self.config
        render = evaluation_render(config, look)
        prompts = pinned_prompts(render, self.run_dir)
        split: PromptSplit = "held_out" if (look or config.evaluation.look) == "held_out" else "train"
        expert = TeacherSource() if checkpoint[1] else source_of(config.teacher.expert, self.run_dir)
        final = stage.name.startswith("final")
        episodes = config.evaluation.final_episodes if final else config.evaluation.episodes
        seed_of = final_evaluation_seed if final else evaluation_seed
        tasks = []
        for index in range(episodes):
            job = RolloutJob(
                purpose="evaluation",
                run=self.run,
                round=0,
                index=index,
                task=config.task,
                robot=config.robot,
                seed=seed_of(index),
                sigma=0.0,
                expert=expert,
                teacher=expert,
                checkpoint=checkpoint[0],
                checkpoint_sha256=checkpoint[1],
                beta=0.0,
                max_steps=config.evaluation.max_steps,
                hold_steps=0,
                state=config.rollout.state,
                store="",
                render=render,
                **_prompt(prompts, split, seed_of(index)),
            )
            tasks.append(self._task(stage, "evaluation", index, job.to_payload()))
        return tasks

    def checkpoint_folder(self, round_index: int) -> Path:
        """Where the policy of a round lies."""
        return self.run_dir / "checkpoints" / f"round_{round_index:02d}"

    def _task(self, stage: Stage, kind: str, index: int, payload: dict[str, Any]) -> Task:
        return Task(
            id=f"{stage.group}.{index:05d}",
            kind=kind,
            group=stage.group,
            payload=payload,
            priority=_PRIORITY[kind],
            max_attempts=self.config.delivery.max_attempts,
        )


def _prompt(collection: PromptCollection | None, split: PromptSplit, seed: int) -> dict[str, Any]:
    """The prompt of the episode with this seed, as fields of its job."""
    if collection is None:
        return {}
    prompt = collection.choose(split, seed)
    return {"prompt_id": prompt.id, "prompt": prompt.texts()}


def _bootstrap_actors(
    config: DaggerConfig, expert: TeacherSource, run_dir: Path
) -> list[tuple[TeacherSource, float]]:
    """Teacher and noise of each bootstrap episode: the stated share from the ladder in equal parts, in a seeded order.

    LucidSim mixes half intermediate checkpoints (each equally often) and half final teacher, shuffled; that is
    ``ladder_fraction`` 0.5.
    """
    ladder = [(source_of(spec, run_dir), 0.0) for spec in config.teacher.ladder_experts]
    rungs = [(expert, 0.0), *(ladder or [(expert, sigma) for sigma in config.teacher.ladder])]
    count = config.rollouts_of(0)
    from_ladder = round(count * config.teacher.ladder_fraction)
    places = np.zeros(count, np.int64)
    if from_ladder:
        places[:from_ladder] = np.resize(np.arange(1, len(rungs)), from_ladder)
    return [rungs[place] for place in np.random.default_rng(config.seed).permutation(places)]
