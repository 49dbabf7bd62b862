"""Depth pictures as points and normals."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

#: Depth per unit across: tan(72 degrees).
_STEEP = 3.0
#: Length of the step towards the camera that is added to each unit normal.
_SOFTNESS = 0.75


class PixelGeometry:
    """Points and normals of every pixel in the frame of its camera. Legend: C cameras, H x W pixels, N = C H W.

    Args:
        depth: (C, H, W) float32 m along the optical axis.
        fovy: (C,) degrees.
    """

    def __init__(self, depth: np.ndarray, fovy: np.ndarray) -> None:
        size = depth.shape[1]
        self.depth = depth.ravel()
        """(N,) float32 m."""
        self._rays = _rays(size, tuple(float(angle) for angle in fovy))
        self.focal = 0.5 * size / np.tan(np.deg2rad(fovy.astype(np.float64)) / 2)
        """(C,) float64 pixels."""
        self._shape = depth.shape

    def points(self) -> np.ndarray:
        """(3, N) float32 m; x right, y up, z backwards."""
        return self._rays * self.depth

    def directions(self) -> np.ndarray:
        """(3, N) float32: the rays, one unit along the optical axis."""
        return self._rays

    def normals(self) -> np.ndarray:
        """(3, N) float32 unit vectors towards the camera.

        On a plane 1/z is linear in the picture, so its slopes give the normal exactly; each slope is the flatter
        of the two to the neighbours, so that edges do not bleed. What is much steeper than ``_STEEP`` is an edge on
        both sides: such a pixel counts as facing the camera, so that thin things do not flicker when they move.
        All lean towards the camera by ``_SOFTNESS``: creases narrower than a pixel would flicker too.
        """
        nearness = np.float32(1) / self.depth.reshape(self._shape)
        normals = np.empty((3, *self._shape), np.float32)
        focal = self.focal.astype(np.float32)[:, None, None]
        for axis, sign in ((2, -1), (1, 1)):
            slope = normals[2 - axis]
            np.multiply(_slope(nearness, axis=axis), sign * focal, out=slope)
            slope /= nearness
            steepness = slope * slope
            steepness *= np.float32(1 / _STEEP**2)
            steepness *= steepness
            steepness += 1
            slope /= steepness
        rays = self._rays.reshape(3, *self._shape)
        normals[2] = 1
        normals[2] += normals[0] * rays[0]
        normals[2] += normals[1] * rays[1]
        flat = normals.reshape(3, -1)
        squares = flat * flat
        flat /= np.sqrt(squares[0] + squares[1] + squares[2])
        length = flat[2] * np.float32(2 * _SOFTNESS)
        length += np.float32(1 + _SOFTNESS**2)
        flat[2] += np.float32(_SOFTNESS)
        flat /= np.sqrt(length, out=length)
        return flat


@lru_cache(maxsize=32)
def _rays(size: int, fovy: tuple[float, ...]) -> np.ndarray:
    """(3, N) float32."""
    offset = np.arange(size) + 0.5 - size / 2
    pictures = []
    for angle in fovy:
        step = 2 * np.tan(np.deg2rad(angle) / 2) / size
        x, y = np.meshgrid(offset * step, -offset * step)
        pictures.append(np.stack([x, y, -np.ones_like(x)]))
    rays = np.stack(pictures, axis=1).reshape(3, -1).astype(np.float32)
    rays.flags.writeable = False
    return rays


def _slope(values: np.ndarray, *, axis: int) -> np.ndarray:
    """Difference to the neighbour before or after, whichever is smaller; (C, H, W)."""
    values = values.swapaxes(axis, 0)
    step = values[1:] - values[:-1]
    size = np.abs(step)
    slopes = np.empty_like(values)
    slopes[0], slopes[-1] = step[0], step[-1]
    slopes[1:-1] = np.where(size[:-1] < size[1:], step[:-1], step[1:])
    return slopes.swapaxes(axis, 0)
