"""Teachers by one interface: whoever it is, it is asked the same way."""

from __future__ import annotations

import functools
from pathlib import Path

from potstill.actors.teacher_source import TeacherSource
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import OracleTeacher, Teacher
from potstill.policies.expert_policy import ExpertPolicy

#: A ladder and its expert, several times over.
_KEPT = 64


def make_teacher(source: TeacherSource, simulation: TaskSimulation) -> Teacher:
    """The teacher of ``source`` for the world that it will act in; an expert's file is read once per process.

    Raises:
        ArrayFileError: the file is missing, corrupt or not the expected expert.
        ValueError: an expert of another task, robot, model or observation layout; names both.
    """
    if not source.folder:
        return OracleTeacher(simulation.task)
    policy = _load(source)
    try:
        policy.facts.check_world(
            task=simulation.task, robot=simulation.robot, model_hash=simulation.model_hash
        )
    except ValueError as error:
        raise ValueError(f"{source.folder}: {error}") from None
    return policy


@functools.lru_cache(maxsize=_KEPT)
def _load(source: TeacherSource) -> ExpertPolicy:
    # Shared between episodes: an expert is stateless.
    return ExpertPolicy.load(Path(source.folder), expected_sha256=source.sha256)
