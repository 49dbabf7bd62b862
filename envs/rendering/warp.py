"""Moves a keyframe's pixels to where exact geometry says they are now (moving bodies, moving cameras)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from potstill.envs.rendering.records import RenderReply, SceneState
from potstill.envs.rendering.rotation_matrices import rotation_matrices

#: Holes look this far (pixels) for a valid pixel of their own body.
_FILL_RADIUS = 5
#: Rows (dy, dx) within the fill radius, nearest first; ties in a fixed order.
_FILL_OFFSETS = np.array(
    sorted(
        (
            (y, x)
            for y in range(-_FILL_RADIUS, _FILL_RADIUS + 1)
            for x in range(-_FILL_RADIUS, _FILL_RADIUS + 1)
        ),
        key=lambda offset: (offset[0] ** 2 + offset[1] ** 2, offset),
    )[1:]
)

#: Stands for "no pixel to copy from"; body ids are -1 (sky) and above.
_NO_BODY = np.int16(-2)


@dataclass(frozen=True, kw_only=True)
class WarpConfig:
    """When a keyframe's pixel counts as the same surface point: |z - depth| <= absolute + relative * z."""

    absolute_tolerance: float = 0.008
    """m, above 0."""
    relative_tolerance: float = 0.004
    """Share of the distance to the camera, at least 0."""

    def __post_init__(self) -> None:
        if self.absolute_tolerance <= 0.0:
            raise ValueError(f"absolute_tolerance must be above 0 m: got {self.absolute_tolerance}")
        if self.relative_tolerance < 0.0:
            raise ValueError(f"relative_tolerance must be at least 0: got {self.relative_tolerance}")


@dataclass(frozen=True, kw_only=True, eq=False)
class WarpedFrame:
    """A keyframe seen from now. Legend: C cameras, H x W pixels."""

    rgb: np.ndarray
    """(C, H, W, 3) uint8; holes are filled, never left black."""
    valid: np.ndarray
    """(C, H, W) bool: the keyframe really saw this surface point."""

    @property
    def invalid_fraction(self) -> float:
        """Share of pixels, over all cameras, that are filled in rather than seen; 0..1."""
        return 1.0 - float(self.valid.mean())


def warp_keyframe(
    keyframe: RenderReply,
    keyframe_scene: SceneState,
    current: RenderReply,
    current_scene: SceneState,
    *,
    config: WarpConfig | None = None,
) -> WarpedFrame:
    """Backward warp: each pixel of now is traced to the body point it shows, and that point to the keyframe.

    Points ride rigidly on their bodies (the sky on the world); sites that the simulator moves along a body
    are not followed, and shading stays the keyframe's. Without any motion the result equals the keyframe's
    pixels bit for bit. A point is valid when it was in the keyframe's picture and not hidden there: the
    nearest keyframe pixel shows the same body, and the point's distance lies within tolerance of the depths
    which that body has among the four pixels around it (so that slanted surfaces pass).

    Args:
        keyframe: with RGB, depth and segmentation.
        keyframe_scene: the scene of the keyframe.
        current: depth and segmentation now, from the same cameras at the same size; its RGB is not used.
        current_scene: the scene now.
        config: tolerances.

    Raises:
        ValueError: pictures are missing, or the two replies differ in shape.
    """
    config = config or WarpConfig()
    pictures = _needed(keyframe.rgb, "the keyframe's rgb")
    key_views, now_views = _views(keyframe, "the keyframe's"), _views(current, "the current")
    if [view.depth.shape for view in key_views] != [view.depth.shape for view in now_views]:
        raise ValueError("the keyframe and the current reply differ in size or number of cameras")
    key_rotation = rotation_matrices(keyframe_scene.body_quat)
    # What turned each body since the keyframe, backwards.
    turn = key_rotation @ rotation_matrices(current_scene.body_quat).transpose(0, 2, 1)
    shift = keyframe_scene.body_pos - np.einsum("bij,bj->bi", turn, current_scene.body_pos)
    frames = []
    for picture, key, now in zip(pictures, key_views, now_views):
        points, body = _trace_back(key, now, turn, shift)
        rgb, valid = _sample(picture, key, points, body, config)
        frames.append((_fill_holes(rgb, valid, now.segmentation, picture), valid))
    return WarpedFrame(
        rgb=np.stack([rgb for rgb, _ in frames]), valid=np.stack([valid for _, valid in frames])
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _View:
    """One camera's geometry."""

    depth: np.ndarray
    segmentation: np.ndarray
    position: np.ndarray
    rotation: np.ndarray
    focal: float
    """Pixels."""


def _views(reply: RenderReply, whose: str) -> list[_View]:
    depth = _needed(reply.depth, f"{whose} depth")
    segmentation = _needed(reply.segmentation, f"{whose} segmentation")
    poses = reply.camera_pose.astype(np.float64)
    focal = 0.5 * depth.shape[1] / np.tan(np.deg2rad(reply.fovy.astype(np.float64)) / 2)
    return [
        _View(
            depth=depth[camera],
            segmentation=segmentation[camera],
            position=poses[camera, :3],
            rotation=poses[camera, 3:].reshape(3, 3),
            focal=float(focal[camera]),
        )
        for camera in range(len(depth))
    ]


def _needed(array: np.ndarray | None, name: str) -> np.ndarray:
    if array is None:
        raise ValueError(
            f"warping needs {name}: ask for keyframes with paint=True, always with geometry=True"
        )
    return array


def _trace_back(key: _View, now: _View, turn: np.ndarray, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel's point was in the keyframe camera's frame, (N, 3) m, and its body, (N,)."""
    height, width = now.depth.shape
    rows, columns = np.divmod(np.arange(height * width), width)
    depth = now.depth.ravel().astype(np.float64)
    points = np.stack(
        [columns + 0.5 - width / 2, height / 2 - rows - 0.5, np.full(len(depth), -now.focal)], axis=1
    )
    points *= (depth / now.focal)[:, None]
    body = now.segmentation.ravel()
    rotation = key.rotation.T @ turn @ now.rotation
    offset = (turn @ now.position + shift - key.position) @ key.rotation
    rides_on = np.maximum(body, 0)  # the sky is fixed to the world
    return np.einsum("nij,nj->ni", rotation[rides_on], points) + offset[rides_on], body


def _sample(
    rgb: np.ndarray, key: _View, points: np.ndarray, body: np.ndarray, config: WarpConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Bilinear colours (H, W, 3) uint8 among pixels of the same body, and validity (H, W)."""
    height, width = key.depth.shape
    distance = -points[:, 2]
    scale = key.focal / np.where(distance > 1e-6, distance, np.inf)
    x, y = points[:, 0] * scale + width / 2, height / 2 - points[:, 1] * scale
    inside = (distance > 1e-6) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    x, y = np.clip(x, 0, width - 1e-6), np.clip(y, 0, height - 1e-6)
    left, top = np.floor(x - 0.5), np.floor(y - 0.5)
    to_right, to_bottom = x - 0.5 - left, y - 0.5 - top
    columns = np.clip([left, left + 1, left, left + 1], 0, width - 1)
    rows = np.clip([top, top, top + 1, top + 1], 0, height - 1)
    corners = (rows * width + columns).astype(np.intp)
    weights = np.stack([1 - to_right, to_right, 1 - to_right, to_right])
    weights[:2] *= 1 - to_bottom
    weights[2:] *= to_bottom

    same_body = key.segmentation.take(corners) == body
    depths = key.depth.take(corners)
    tolerance = config.absolute_tolerance + config.relative_tolerance * distance
    near = np.where(same_body, depths, np.inf).min(axis=0)
    far = np.where(same_body, depths, -np.inf).max(axis=0)
    seen = key.segmentation[y.astype(np.intp), x.astype(np.intp)] == body
    valid = inside & seen & (distance >= near - tolerance) & (distance <= far + tolerance)

    weights *= same_body
    weights /= np.maximum(weights.sum(axis=0), 1e-9)
    colours = np.einsum("kn,knc->nc", weights, rgb.reshape(-1, 3)[corners])
    return np.rint(colours).astype(np.uint8).reshape(rgb.shape), valid.reshape(height, width)


def _fill_holes(
    rgb: np.ndarray, valid: np.ndarray, segmentation: np.ndarray, keyframe: np.ndarray
) -> np.ndarray:
    """Colours of the nearest valid pixel of the same body; else of the keyframe's pixel at the same place."""
    # A border of the fill radius lets one flat index plus one flat step reach any neighbour.
    usable_body = np.pad(np.where(valid, segmentation, _NO_BODY), _FILL_RADIUS, constant_values=_NO_BODY)
    stride = usable_body.shape[1]
    rows, columns = np.nonzero(~valid)
    holes = (rows + _FILL_RADIUS) * stride + columns + _FILL_RADIUS
    neighbours = holes[:, None] + _FILL_OFFSETS @ (stride, 1)
    usable = usable_body.take(neighbours) == segmentation[rows, columns, None]
    source = neighbours[np.arange(len(holes)), usable.argmax(axis=1)]
    source_rows, source_columns = np.divmod(source, stride)
    found = usable.any(axis=1)
    filled = rgb.copy()
    filled[rows, columns] = keyframe[rows, columns]
    filled[rows[found], columns[found]] = rgb[
        source_rows[found] - _FILL_RADIUS, source_columns[found] - _FILL_RADIUS
    ]
    return filled
