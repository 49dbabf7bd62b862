"""Depth pictures as points and normals."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

#: Depth per unit across: tan(72 degrees).
_STEEP = 3.0
#: Length of the step towards the camera that is added to each unit normal.
_SOFTNESS = 0.75


class PixelGeometry:
    """Points and normals of pixels in the frame of their camera (x right, y up, z backwards).

    Legend: C cameras, H x W pixels, N = C H W.

    Args:
        depth: (C, H, W) float32 m along the optical axis.
        fovy: (C,) degrees.
    """

    def __init__(self, depth: np.ndarray, fovy: np.ndarray) -> None:
        self._depth = depth
        self.depth = depth.ravel()
        """(N,) float32 m."""
        self.focal = 0.5 * depth.shape[1] / np.tan(np.deg2rad(fovy.astype(np.float64)) / 2)
        """(C,) float64 pixels."""
        self._rays = _rays(depth.shape[1], tuple(fovy.tolist()))

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Column and row of the middle of every pixel, (N,) float32 each; 0.5 is the first."""
        return _grid(*self._depth.shape)

    @property
    def unprojections(self) -> np.ndarray:
        """(C, 3, 3) float64: from (column, row, 1) to the ray of depth 1."""
        _, height, width = self._depth.shape
        step, matrices = 1 / self.focal, np.zeros((len(self.focal), 3, 3))
        matrices[:, 0, 0], matrices[:, 0, 2] = step, -step * width / 2
        matrices[:, 1, 1], matrices[:, 1, 2] = -step, step * height / 2
        matrices[:, 2, 2] = -1.0
        return matrices

    def points(self, camera: int, rows: slice, columns: slice) -> np.ndarray:
        """(3, h, w) float32 m: of some pixels of one camera."""
        rays = self._rays.reshape(3, *self._depth.shape)
        return rays[:, camera, rows, columns] * self._depth[camera, rows, columns]

    def box(self, camera: int, centre: np.ndarray, radius: float) -> tuple[slice, slice]:
        """Rows and columns that hold all pixels of a ball (m, in the camera's frame); maybe none."""
        _, height, width = self._depth.shape
        x, y, z = centre.tolist()
        if -z + radius <= 0:
            return slice(0, 0), slice(0, 0)
        if -z <= radius:
            return slice(0, height), slice(0, width)
        focal = float(self.focal[camera])
        rows = _between(-y, -z, radius, focal, height)
        return rows, _between(x, -z, radius, focal, width)

    def normals(self, pixels: np.ndarray) -> np.ndarray:
        """(3, M) float32 unit vectors towards the camera at these (M,) pixels; each a function of its neighbourhood.

        On a plane 1/z is linear in the picture, so its slopes give the normal exactly; each slope is the flatter
        of the two to the neighbours, so that edges do not bleed. What is much steeper than ``_STEEP`` is an edge on
        both sides: such a pixel counts as facing the camera, so that thin things do not flicker when they move.
        All lean towards the camera by ``_SOFTNESS``: creases narrower than a pixel would flicker too.
        """
        cameras, height, width = self._depth.shape
        nearness = _bordered(self._depth).ravel()
        place = _bordered_places(cameras, height, width).take(pixels)
        here = nearness.take(place)
        focal = np.repeat(self.focal.astype(np.float32), height * width).take(pixels)
        focal /= here
        steps = np.array([[-1], [width + 2]])
        behind, ahead = here - nearness.take(place - steps), nearness.take(place + steps) - here
        normals = np.empty((3, len(pixels)), np.float32)
        slopes = np.multiply(np.where(np.abs(behind) < np.abs(ahead), behind, ahead), focal, out=normals[:2])
        steepness = slopes * slopes
        steepness *= np.float32(1 / _STEEP**2)
        steepness *= steepness
        steepness += 1
        slopes /= steepness
        normals[2] = normals[0] * self._rays[0].take(pixels) + normals[1] * self._rays[1].take(pixels)
        normals[2] += 1
        squares = normals * normals
        squares = squares[0] + squares[1] + squares[2]
        length = np.sqrt(squares)
        squares *= np.float32(1 + _SOFTNESS**2)
        squares += normals[2] * length * np.float32(2 * _SOFTNESS)
        normals[2] += length * np.float32(_SOFTNESS)
        normals /= np.sqrt(squares, out=squares)
        return normals


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


@lru_cache(maxsize=8)
def _grid(cameras: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    _, row, column = np.indices((cameras, height, width), np.float32).reshape(3, -1) + np.float32(0.5)
    row.flags.writeable = column.flags.writeable = False
    return column, row


def _between(offset: float, distance: float, radius: float, focal: float, size: int) -> slice:
    """Pixels of one axis that a ball at least may touch; offset from the optical axis and distance along it, m."""
    reach = [
        focal * (offset + side) / (distance + depth)
        for side in (-radius, radius)
        for depth in (-radius, radius)
    ]
    first, last = min(reach) + size / 2, max(reach) + size / 2
    return slice(min(size, max(0, math.floor(first))), min(size, max(0, math.ceil(last))))


def _bordered(depth: np.ndarray) -> np.ndarray:
    """(C, H + 2, W + 2) float32: 1 / depth, continued by one pixel on every side."""
    cameras, height, width = depth.shape
    nearness = np.empty((cameras, height + 2, width + 2), np.float32)
    np.divide(np.float32(1), depth, out=nearness[:, 1:-1, 1:-1])
    for lines in (nearness[:, :, 1:-1], nearness[:, 1:-1].swapaxes(1, 2)):  # nobody looks at corners
        lines[:, 0] = 2 * lines[:, 1] - lines[:, 2]
        lines[:, -1] = 2 * lines[:, -2] - lines[:, -3]
    return nearness


@lru_cache(maxsize=8)
def _bordered_places(cameras: int, height: int, width: int) -> np.ndarray:
    """(N,) intp: where each pixel is in a picture with borders."""
    camera, row, column = np.indices((cameras, height, width)).reshape(3, -1)
    places = (camera * (height + 2) + row + 1) * (width + 2) + column + 1
    places.flags.writeable = False
    return places
