"""A task's environment with any arm."""

from __future__ import annotations

from typing import Any

from potstill.envs.robots.task_class import task_class


def build_task(task: str, robot: str) -> Any:
    """Meta-World's environment object of a task whose arm is ``robot``; same hand, observation and action.

    Raises:
        ValueError: unknown task or robot; names the nearest ones.
    """
    return task_class(task, robot)()
