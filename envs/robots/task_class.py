"""Meta-World's class of a task, with its model built by us."""

from __future__ import annotations

from functools import cache
from typing import Any

import mujoco
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from potstill.envs.robots.robot_names import check_robot_name
from potstill.envs.robots.task_spec import task_spec
from potstill.envs.task_names import check_task_name


def task_class(task: str, robot: str) -> type[Any]:
    """Meta-World's own class for ``sawyer``; else a subclass that differs in nothing but its model.

    Raises:
        ValueError: unknown task or robot; names the nearest ones.
    """
    check_task_name(task)
    check_robot_name(robot)
    return ALL_V3_ENVIRONMENTS[task] if robot == "sawyer" else _on_robot(task, robot)


@cache
def _on_robot(task: str, robot: str) -> type[Any]:
    stock = ALL_V3_ENVIRONMENTS[task]

    def initialize_simulation(self: Any) -> tuple[mujoco.MjModel, mujoco.MjData]:
        model = task_spec(task, robot).compile()
        model.vis.global_.offwidth, model.vis.global_.offheight = self.width, self.height
        return model, mujoco.MjData(model)

    body = {"_initialize_simulation": initialize_simulation, "__doc__": f"{task} with the arm {robot}."}
    return type(f"{stock.__name__}_{robot}", (stock,), body)
