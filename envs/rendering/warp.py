"""Moves a keyframe's pixels to where exact geometry says they are now (moving bodies, moving cameras)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from potstill.envs.rendering.fill_holes import fill_holes
from potstill.envs.rendering.records import RenderReply, SceneState
from potstill.envs.rendering.warp_field import WarpField

#: Share of the four pixels around a point, by weight, that must show its own body.
_MOSTLY = 0.5


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
    pixels bit for bit. A point is valid when it was in the keyframe's picture and not hidden there: of the four
    pixels around it at least half, by weight, show the same body, and the point's distance lies within tolerance
    of the depths that this body has among them (so that slanted surfaces pass).

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
    key, now = _pictures(keyframe, "the keyframe's"), _pictures(current, "the current")
    colours = _needed(keyframe.rgb, "the keyframe's rgb")
    if key.depth.shape != now.depth.shape:
        raise ValueError("the keyframe and the current reply differ in size or number of cameras")
    field = WarpField.between(keyframe, keyframe_scene, current, current_scene)
    valid = _unchanged(key, now, config)
    rgb = colours.copy()
    if len(field.moving):
        bodies = now.segmentation.ravel().take(field.moving)
        moved, seen = _sample(colours, key, field, bodies, config)
        valid.ravel()[field.moving] = seen
        for channel in range(3):  # many times quicker than pixel by pixel
            rgb.ravel()[field.moving * 3 + channel] = moved[channel]
    fill_holes(rgb, valid, now.segmentation, otherwise=colours)
    return WarpedFrame(rgb=rgb, valid=valid)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pictures:
    """Geometry of all cameras, (C, H, W)."""

    depth: np.ndarray
    segmentation: np.ndarray


def _pictures(reply: RenderReply, whose: str) -> _Pictures:
    return _Pictures(
        depth=_needed(reply.depth, f"{whose} depth"),
        segmentation=_needed(reply.segmentation, f"{whose} segmentation"),
    )


def _needed(array: np.ndarray | None, name: str) -> np.ndarray:
    if array is None:
        raise ValueError(
            f"warping needs {name}: ask for keyframes with paint=True, always with geometry=True"
        )
    return array


def _unchanged(key: _Pictures, now: _Pictures, config: WarpConfig) -> np.ndarray:
    """(C, H, W) bool: the same body at the same distance, which is all to ask of a point that did not move."""
    tolerance = now.depth * np.float32(config.relative_tolerance)
    tolerance += np.float32(config.absolute_tolerance)
    unchanged = np.abs(now.depth - key.depth) <= tolerance
    unchanged &= now.segmentation == key.segmentation
    return unchanged


def _sample(
    rgb: np.ndarray, key: _Pictures, field: WarpField, bodies: np.ndarray, config: WarpConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Bilinear colours (3, M) uint8 among the keyframe's pixels of the same body, and validity (M,)."""
    planes = np.ascontiguousarray(rgb.reshape(-1, 3).T, dtype=np.float32)
    colours = np.zeros((3, len(bodies)), np.float32)
    share = np.zeros(len(bodies), np.float32)
    before, behind = np.zeros((2, len(bodies)), bool)
    tolerance = field.distance * np.float32(config.relative_tolerance)
    tolerance += np.float32(config.absolute_tolerance)
    near, far = field.distance - tolerance, field.distance + tolerance
    for corner, weight in _corners(field, key.depth.shape):
        same_body = key.segmentation.ravel().take(corner) == bodies
        depth = key.depth.ravel().take(corner)
        before |= same_body & (depth <= far)
        behind |= same_body & (depth >= near)
        weight *= same_body
        share += weight
        for colour, plane in zip(colours, planes):
            colour += plane.take(corner) * weight
    seen = before & behind & (share >= np.float32(_MOSTLY)) & _inside(field, key.depth.shape)
    colours /= np.maximum(share, np.float32(1e-9))
    colours += np.float32(0.5)  # what follows truncates
    return colours.astype(np.uint8), seen


def _corners(field: WarpField, shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The four pixels around each point: (M,) intp indices and (M,) float32 weights."""
    _, height, width = shape
    x = np.clip(field.x - np.float32(0.5), 0, width - 1)
    y = np.clip(field.y - np.float32(0.5), 0, height - 1)
    left, top = np.minimum(np.floor(x), width - 2), np.minimum(np.floor(y), height - 2)
    x -= left
    y -= top
    top += field.first_row
    top *= width
    top += left
    first = top.astype(np.intp)  # float32 is exact up to 16 million pixels
    left_share, top_share = 1 - x, 1 - y
    yield first, left_share * top_share
    yield first + 1, x * top_share
    yield first + width, left_share * y
    yield first + (width + 1), x * y


def _inside(field: WarpField, shape: tuple[int, ...]) -> np.ndarray:
    """(M,) bool: the point is before the keyframe's camera and within its picture."""
    _, height, width = shape
    inside = field.distance > 0
    inside &= (field.x >= 0) & (field.x < width)
    inside &= (field.y >= 0) & (field.y < height)
    return inside
