"""Which class each body of a scene belongs to, and where its goal markers sit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np

from potstill.envs.robots.task_spec import task_spec

#: Bodies of Meta-World's scenes that are neither robot nor object.
_TABLE, _ROOM = ("tablelink",), ("world", "RetainingWall")
#: Roots of what moves with the arm.
_ROBOT = ("base", "mocap")
#: Site groups that are drawn by default.
_VISIBLE_GROUPS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class SceneRegions:
    """The bodies of a task with a robot, by class. Legend: B bodies, M markers."""

    region_of_body: tuple[str, ...]
    """(B,) ``table``, ``robot``, ``object`` or ``background`` (the room, and bodies without geoms), body order."""
    marker_site: np.ndarray
    """(M,) int: sites that mark a goal: visible spheres that neither the robot nor any joint moves."""
    marker_body: np.ndarray
    """(M,) int: the body each marker is fixed to; segmentation shows the marker as that body."""
    marker_radius: np.ndarray
    """(M,) float64 m."""

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, task: str, robot: str) -> SceneRegions:
        """Read from the model (0.1 to 0.5 s the first time).

        Raises:
            ValueError: unknown task or robot.
        """
        model = task_spec(task, robot).compile()
        regions = tuple(_region(model, body) for body in range(model.nbody))
        marks = [
            site
            for site in range(model.nsite)
            if model.site_type[site] == mujoco.mjtGeom.mjGEOM_SPHERE
            and model.site_rgba[site, 3] > 0
            and model.site_group[site] < _VISIBLE_GROUPS
            and model.body_weldid[model.site_bodyid[site]] == 0
            and regions[model.site_bodyid[site]] != "robot"
        ]
        return cls(
            region_of_body=regions,
            marker_site=np.array(marks, np.intp),
            marker_body=model.site_bodyid[marks].astype(np.intp),
            marker_radius=model.site_size[marks, 0].astype(np.float64),
        )


def _region(model: mujoco.MjModel, body: int) -> str:
    name = model.body(body).name
    if name in _TABLE:
        return "table"
    if name in _ROOM:
        return "background"
    if model.body(int(model.body_rootid[body])).name in _ROBOT:
        return "robot"
    return "object" if model.body_geomnum[body] else "background"
