"""Which arm can do what: success of Meta-World's scripted policies for every robot and task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from potstill.cluster.parallel_map import parallel_map
from potstill.envs.task_simulation import MAX_STEPS, TaskSimulation
from potstill.envs.teachers import OracleTeacher
from potstill.experience.episode_seeds import evaluation_seed
from potstill.launch.expert.teacher_evaluation import evaluate_teacher
from potstill.launch.reporting.success_rate import SuccessRate


@dataclass(frozen=True, kw_only=True)
class MatrixCell:
    """One robot on one task."""

    robot: str
    task: str
    model_hash: str
    """Of the simulated model."""
    success: SuccessRate


def oracle_matrix(
    robots: Sequence[str], tasks: Sequence[str], *, episodes: int, workers: int
) -> Iterator[MatrixCell]:
    """Judge every pair on the same evaluation episodes, of at most 500 steps; cells come as they are ready.

    Raises:
        ValueError: unknown robot or task; fewer than one worker.
    """
    jobs = [(robot, task, episodes) for robot, task in product(robots, tasks)]
    return parallel_map(_judge, jobs, workers)


def _judge(job: tuple[str, str, int]) -> MatrixCell:
    robot, task, episodes = job
    simulation = TaskSimulation(task, robot=robot)
    seeds = [evaluation_seed(index) for index in range(episodes)]
    outcomes = evaluate_teacher(OracleTeacher(task), simulation, seeds, max_steps=MAX_STEPS)
    success = SuccessRate(successes=sum(outcome.success for outcome in outcomes), episodes=episodes)
    return MatrixCell(robot=robot, task=task, model_hash=simulation.model_hash, success=success)
