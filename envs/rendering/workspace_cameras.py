"""Cameras of our own, framed on the workspace: 64 x 64 pixels are too few to show the room."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np


@dataclass(frozen=True, kw_only=True)
class WorkspaceCamera:
    """A camera fixed to the world, upright."""

    name: str
    position: tuple[float, float, float]
    """World, m."""
    target: tuple[float, float, float]
    """World point in the middle of the picture, m."""
    fovy: float
    """Degrees."""

    def quaternion(self) -> np.ndarray:
        """(4,) orientation (w, x, y, z) in MuJoCo's axes: looks along -z, y is up in the picture."""
        back = np.subtract(self.position, self.target)
        back /= np.linalg.norm(back)
        right = np.cross((0.0, 0.0, 1.0), back)
        right /= np.linalg.norm(right)
        up = np.cross(back, right)
        quaternion = np.empty(4)
        mujoco.mju_mat2Quat(quaternion, np.stack([right, up, back], axis=1).ravel())
        return quaternion


#: Meta-World's world: the robot stands at the origin and looks along +y; hands move in |x| < 0.5,
#: 0.35 < y < 1 and 0 < z < 0.5, objects face the robot.
WORKSPACE_CAMERAS: tuple[WorkspaceCamera, ...] = (
    WorkspaceCamera(name="potstill_left", position=(-1.0, -0.05, 0.65), target=(0.0, 0.7, 0.16), fovy=26.0),
    WorkspaceCamera(name="potstill_right", position=(1.0, -0.05, 0.65), target=(0.0, 0.7, 0.16), fovy=26.0),
)
