"""Judges a teacher on goals that no training has seen, spread over processes."""

from __future__ import annotations

from collections.abc import Iterator

from potstill.actors.teacher_factory import make_teacher
from potstill.actors.teacher_source import TeacherSource
from potstill.cluster.parallel_map import parallel_map
from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.episode_seeds import final_evaluation_seed
from potstill.launch.expert.judgement_config import JudgementConfig
from potstill.launch.expert.teacher_evaluation import EpisodeOutcome, evaluate_teacher

#: Episodes of one job: enough to pay for building the simulation, few enough to keep every worker busy.
_EPISODES_PER_JOB = 10


def judge_teacher(
    source: TeacherSource, config: JudgementConfig, *, workers: int
) -> Iterator[EpisodeOutcome]:
    """The outcome of every episode, in no fixed order; each is the same for any number of workers.

    Raises:
        ArrayFileError: the teacher's file is missing or corrupt.
        ValueError: a teacher of another world; names both. Fewer than one worker.
    """
    make_teacher(source, _simulation(config))  # refused here, not in a worker
    return _outcomes(source, config, workers)


def _outcomes(source: TeacherSource, config: JudgementConfig, workers: int) -> Iterator[EpisodeOutcome]:
    indices = range(config.episodes)
    starts = indices[::_EPISODES_PER_JOB]
    jobs = [(source, config, indices[start : start + _EPISODES_PER_JOB]) for start in starts]
    for outcomes in parallel_map(_judge, jobs, workers):
        yield from outcomes


def _simulation(config: JudgementConfig) -> TaskSimulation:
    return TaskSimulation(config.task, robot=config.robot, dynamics=config.dynamics)


def _judge(job: tuple[TeacherSource, JudgementConfig, range]) -> list[EpisodeOutcome]:
    source, config, indices = job
    simulation = _simulation(config)
    seeds = [final_evaluation_seed(index) for index in indices]
    teacher = make_teacher(source, simulation)
    return list(evaluate_teacher(teacher, simulation, seeds, max_steps=config.max_steps))
