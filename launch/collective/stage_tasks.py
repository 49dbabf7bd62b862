"""The queue tasks of each stage: ids, seeds, actors and priorities follow from configuration and round alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from potstill.actors.trajectory_job import Actor, TrajectoryJob
from potstill.experience.episode_seeds import evaluation_seed, final_evaluation_seed, rollout_seed
from potstill.launch.collective.config import CollectiveConfig
from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.engine.pinned_expert import source_of
from potstill.launch.engine.stage import Stage
from potstill.learners.collective.job import CollectiveJob
from potstill.learners.representation.job import RepresentationJob
from potstill.policies.collective_policy_config import ContextName
from potstill.queues.task import Task

#: Evaluations overtake rollouts; a training is waited for by nobody but the runner.
_PRIORITY = {"rollout": 1, "evaluation": 5, "representation": 3, "distillation": 3}
#: Cells that take turns: fewer than the simulations that a worker keeps between episodes.
_BLOCK = 32


@dataclass(frozen=True, kw_only=True)
class CollectiveTasks:
    """Makes the tasks of every stage of one run: the same ones whoever asks."""

    experts: ExpertTable
    """With the configuration in which they are pinned."""
    run: str
    """The run's id."""
    run_dir: Path
    """Holds checkpoints and pinned experts."""
    store: str
    """URL of the episodes."""

    @property
    def config(self) -> CollectiveConfig:
        """The run's."""
        return self.experts.config

    def rollouts(self, stage: Stage, round_index: int, policy: tuple[str, str]) -> list[Task]:
        """One task per episode; ``policy`` (folder, sha256) acts in on-policy rounds.

        The cells of a block take turns, so that a worker needs about one simulation of each and keeps it.
        """
        config, collection = self.config, self.config.collection
        count = config.episodes_of(round_index)
        actors: dict[tuple[str, str], list[tuple[Actor, float]]] = {
            cell: bootstrap_actors(config, number) if round_index == 0 else [("student", 0.0)] * count
            for number, cell in enumerate(config.cells)
        }
        tasks = []
        for index, (episode, cell) in enumerate(_in_turns(config.cells, count)):
            robot, task = cell
            actor, sigma = actors[cell][episode]
            student = actor == "student"
            job = TrajectoryJob(
                purpose="rollout",
                run=self.run,
                round=round_index,
                index=index,
                task=task,
                robot=robot,
                seed=rollout_seed(config.seed, round_index, index),
                actor=actor,
                sigma=sigma,
                checkpoint=policy[0] if student else "",
                checkpoint_sha256=policy[1] if student else "",
                beta=config.beta.beta(round_index) if student else 0.0,
                max_steps=collection.max_steps,
                hold_steps=collection.hold_steps,
                store=self.store,
                expert=source_of(self.experts.expert_of(robot, task), self.run_dir),
            )
            tasks.append(self._task(stage, "rollout", index, job.to_payload()))
        return tasks

    def representation(self, stage: Stage) -> Task:
        """The transformer's training on the bootstrap round."""
        job = RepresentationJob(
            store=self.store,
            rounds=(0,),
            transformer=self.config.transformer,
            learner=self.config.representation,
            output=str(self.checkpoint("representation")),
            cache=str(self.run_dir / "cache"),
            seed=self.config.seed,
        )
        return self._task(stage, "representation", 0, job.to_payload())

    def distillation(
        self,
        stage: Stage,
        name: str,
        *,
        context: ContextName,
        rounds: Sequence[int],
        representation_sha256: str,
        initial: str,
    ) -> Task:
        """The training of the policy that will lie in ``checkpoint(name)``, from ``initial`` (a folder, or empty)."""
        coded = context == "code"
        job = CollectiveJob(
            store=self.store,
            rounds=tuple(rounds),
            policy=replace(self.config.policy, context=context),
            learner=self.config.learner,
            transformer=self.config.transformer,
            representation=str(self.checkpoint("representation")) if coded else "",
            representation_sha256=representation_sha256 if coded else "",
            tasks=self.config.tasks,
            initial_policy=initial,
            output=str(self.checkpoint(name)),
            cache=str(self.run_dir / "cache"),
            seed=self.config.seed,
        )
        return self._task(stage, "distillation", 0, job.to_payload())

    def matrix(self, stage: Stage, policy: tuple[str, str]) -> list[Task]:
        """One task per evaluation episode: the same seeds in every cell and for every policy."""
        tasks = []
        for index, (robot, task, seed) in enumerate(self.matrix_episodes(stage)):
            job = TrajectoryJob(
                purpose="evaluation",
                run=self.run,
                round=0,
                index=index,
                task=task,
                robot=robot,
                seed=seed,
                actor="student",
                checkpoint=policy[0],
                checkpoint_sha256=policy[1],
                max_steps=self.config.evaluation.max_steps,
                stop_at_success=False,
            )
            tasks.append(self._task(stage, "evaluation", index, job.to_payload()))
        return tasks

    def matrix_episodes(self, stage: Stage) -> Iterator[tuple[str, str, int]]:
        """(robot, task, seed) of each evaluation episode of a stage, in the order of its tasks."""
        final = stage.name.startswith("final")
        config, evaluation = self.config, self.config.evaluation
        robots = (*config.robots, *config.unseen_robots) if final else config.robots
        episodes = evaluation.final_episodes if final else evaluation.episodes
        seed_of = final_evaluation_seed if final else evaluation_seed
        for episode, (robot, task) in _in_turns(list(itertools.product(robots, config.tasks)), episodes):
            yield robot, task, seed_of(episode)

    def checkpoint(self, name: str) -> Path:
        """Folder of a network: ``representation``, ``round_XX``, ``final.CONTEXT``."""
        return self.run_dir / "checkpoints" / name

    def _task(self, stage: Stage, kind: str, index: int, payload: dict[str, Any]) -> Task:
        return Task(
            id=f"{stage.group}.{index:05d}",
            kind=kind,
            group=stage.group,
            payload=payload,
            priority=_PRIORITY[kind],
            max_attempts=self.config.delivery.max_attempts,
        )


def _in_turns(cells: Sequence[tuple[str, str]], episodes: int) -> Iterator[tuple[int, tuple[str, str]]]:
    """(episode, cell) of every episode of every cell, block by block."""
    for first in range(0, len(cells), _BLOCK):
        yield from itertools.product(range(episodes), cells[first : first + _BLOCK])


def bootstrap_actors(config: CollectiveConfig, cell: int) -> list[tuple[Actor, float]]:
    """Actor and noise of each bootstrap episode of a cell: exactly the stated shares, in a seeded order."""
    collection = config.collection
    count = collection.bootstrap_episodes
    random = round(count * collection.random_fraction)
    noisy = min(round(count * collection.noisy_fraction), count - random)
    actors: list[tuple[Actor, float]] = [("random", 0.0)] * random
    actors += (
        [("expert", float(sigma)) for sigma in np.resize(np.array(collection.noise), noisy)] if noisy else []
    )
    actors += [("expert", 0.0)] * (count - len(actors))
    order = np.random.default_rng((config.seed, cell)).permutation(count)
    return [actors[place] for place in order]
