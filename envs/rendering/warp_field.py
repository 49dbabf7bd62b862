"""Where the pixels of now were in the keyframe's picture, by exact geometry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from potstill.envs.rendering.records import RenderReply, SceneState
from potstill.envs.rendering.rotation_matrices import rotation_matrices

#: Nearer than this to the keyframe's camera (m) nothing is seen.
_NEAREST = np.float32(1e-6)


@dataclass(frozen=True, kw_only=True, eq=False)
class WarpField:
    """Backward flow. Pixels whose body and camera stand still need none and are left out.

    Legend: C cameras, H x W pixels, N = C H W, M of them moving, B bodies.
    """

    moving: np.ndarray
    """(M,) intp indices of pixels, rising."""
    x: np.ndarray
    """(M,) float32 pixels from the left edge of the keyframe's picture; 0.5 is the middle of the first column."""
    y: np.ndarray
    """(M,) float32 pixels from its top edge."""
    distance: np.ndarray
    """(M,) float32 m along the optical axis of the keyframe's camera; not above 0 behind it."""
    first_row: np.ndarray
    """(M,) float32: where the pictures of the pixel's camera begin when all cameras' rows are counted on."""

    @classmethod
    def between(
        cls,
        keyframe: RenderReply,
        keyframe_scene: SceneState,
        current: RenderReply,
        current_scene: SceneState,
    ) -> WarpField:
        """Trace each pixel of now to the body point it shows, and that point to the keyframe.

        Points ride rigidly on their bodies, the sky on the world. Float64 up to one matrix for each body and
        camera, then float32 element by element: errors stay below 1e-3 pixel, and no figure depends on the others.

        Args:
            keyframe: its cameras; its pictures are not looked at.
            keyframe_scene: the scene of the keyframe.
            current: with depth and segmentation.
            current_scene: the scene now.
        """
        assert current.depth is not None and current.segmentation is not None
        cameras, height, width = current.depth.shape
        still = _still(keyframe, keyframe_scene, current, current_scene)
        # -1, the sky, rides on body 0, the world.
        owner = np.maximum(current.segmentation, 0).astype(np.intp)
        owner += (np.arange(cameras) * still.shape[1])[:, None, None]
        moving = np.flatnonzero(~still.ravel().take(owner.ravel()))
        owner = owner.ravel().take(moving)
        column, row, first_row = (axis.take(moving) for axis in _grid(cameras, height, width))
        depth = current.depth.ravel().take(moving)
        x, y, distance = (
            (a.take(owner) * column + b.take(owner) * row + c.take(owner)) * depth + d.take(owner)
            for a, b, c, d in _matrices(keyframe, keyframe_scene, current, current_scene)
        )
        reciprocal = 1 / np.maximum(distance, _NEAREST)
        x *= reciprocal
        y *= reciprocal
        return cls(moving=moving, x=x, y=y, distance=distance, first_row=first_row)


@lru_cache(maxsize=8)
def _grid(cameras: int, height: int, width: int) -> np.ndarray:
    """(3, N) float32: column and row of the middle of every pixel, and the first row of its camera."""
    camera, row, column = np.indices((cameras, height, width), np.float32).reshape(3, -1)
    grid = np.stack([column + 0.5, row + 0.5, camera * height])
    grid.flags.writeable = False
    return grid


def _still(
    keyframe: RenderReply, keyframe_scene: SceneState, current: RenderReply, current_scene: SceneState
) -> np.ndarray:
    """(C, B) bool: neither this camera nor this body has moved by a single bit."""
    bodies = (keyframe_scene.body_pos == current_scene.body_pos).all(axis=1)
    bodies &= (keyframe_scene.body_quat == current_scene.body_quat).all(axis=1)
    cameras = (keyframe.camera_pose == current.camera_pose).all(axis=1)
    cameras &= keyframe.fovy == current.fovy
    return cameras[:, None] & bodies


def _matrices(
    keyframe: RenderReply, keyframe_scene: SceneState, current: RenderReply, current_scene: SceneState
) -> np.ndarray:
    """(3, 4, C * B) float32: from (column, row, 1) * depth and 1 to (x, y, 1) * distance."""
    assert current.depth is not None
    height, width = current.depth.shape[1:]
    key_position, key_axes = _cameras(keyframe)
    now_position, now_axes = _cameras(current)
    quaternions = np.concatenate([keyframe_scene.body_quat, current_scene.body_quat])
    key_rotation, now_rotation = np.split(rotation_matrices(quaternions), 2)
    # What turned and moved each body since the keyframe, backwards.
    turn = key_rotation @ now_rotation.transpose(0, 2, 1)
    shift = keyframe_scene.body_pos - (turn @ current_scene.body_pos[:, :, None])[..., 0]
    project = _projections(keyframe.fovy, height, width) @ key_axes.transpose(0, 2, 1)
    unproject = now_axes @ _rays(current.fovy, height, width)
    moved = (turn @ now_position[:, None, :, None])[..., 0] + shift - key_position[:, None]
    matrices = np.empty((len(project), len(turn), 3, 4))
    matrices[..., :3] = project[:, None] @ (turn @ unproject[:, None])
    matrices[..., 3:] = project[:, None] @ moved[..., None]
    return np.ascontiguousarray(matrices.reshape(-1, 3, 4).transpose(1, 2, 0), dtype=np.float32)


def _cameras(reply: RenderReply) -> tuple[np.ndarray, np.ndarray]:
    """Positions (C, 3) m and axes (C, 3, 3)."""
    poses = reply.camera_pose.astype(np.float64)
    return poses[:, :3], poses[:, 3:].reshape(-1, 3, 3)


def _rays(fovy: np.ndarray, height: int, width: int) -> np.ndarray:
    """(C, 3, 3): from (column, row, 1), pixels from the top left corner, to a ray of depth 1."""
    step = 1 / _focal(fovy, height)
    rays = np.zeros((len(fovy), 3, 3))
    rays[:, 0, 0], rays[:, 0, 2] = step, -step * width / 2
    rays[:, 1, 1], rays[:, 1, 2] = -step, step * height / 2
    rays[:, 2, 2] = -1.0
    return rays


def _projections(fovy: np.ndarray, height: int, width: int) -> np.ndarray:
    """(C, 3, 3): from points in a camera's frame to (x, y, 1) * distance."""
    focal = _focal(fovy, height)
    projections = np.zeros((len(fovy), 3, 3))
    projections[:, 0, 0], projections[:, 0, 2] = focal, -width / 2
    projections[:, 1, 1], projections[:, 1, 2] = -focal, -height / 2
    projections[:, 2, 2] = -1.0
    return projections


def _focal(fovy: np.ndarray, height: int) -> np.ndarray:
    """(C,) pixels."""
    return 0.5 * height / np.tan(np.deg2rad(fovy.astype(np.float64)) / 2)
