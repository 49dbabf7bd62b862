"""How often a teacher succeeds: the same episodes, whoever acts, wherever they run and in whatever order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import Teacher


@dataclass(frozen=True, kw_only=True)
class EpisodeOutcome:
    """One episode."""

    seed: int
    """Names the episode."""
    success: bool
    """The task was solved once."""
    steps: int
    """Environment steps until success, else all of them."""


def evaluate_teacher(
    teacher: Teacher, simulation: TaskSimulation, seeds: Sequence[int], *, max_steps: int
) -> Iterator[EpisodeOutcome]:
    """Act one episode per seed, each until the task is solved or ``max_steps`` are over.

    Args:
        teacher: Stateless; asked at every environment step.
        simulation: Of the teacher's task and robot.
        seeds: Environment seeds; an outcome depends on its own seed alone.
        max_steps: Environment steps, 1..500.

    Yields:
        Outcomes in the order of ``seeds``.
    """
    for seed in seeds:
        observation, success, steps = simulation.reset(seed), False, 0
        while not success and steps < max_steps:
            observation, _, info = simulation.step(teacher.act(observation))
            success, steps = bool(info["success"]), steps + 1
        yield EpisodeOutcome(seed=seed, success=success, steps=steps)
