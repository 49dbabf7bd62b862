"""Rotation matrix to quaternion, with scipy's bits and without scipy's fixed costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

#: scipy re-orthogonalises a matrix whose rows are further than 1e-12 from orthonormal; well below, it does not.
_ORTHONORMAL = 1e-13


class FastRotation:
    """Stands where tasks say ``Rotation``: only ``Rotation.from_matrix(m).as_quat()`` is quick."""

    __slots__ = ("_matrix",)

    def __init__(self, matrix: np.ndarray) -> None:
        self._matrix = matrix

    @classmethod
    def from_matrix(cls, matrix: np.ndarray) -> FastRotation:
        """Of a matrix (3, 3)."""
        return cls(matrix)

    def as_quat(self) -> np.ndarray:
        """Quaternion (4,) float64, x y z w, bit for bit that of scipy.

        Raises:
            ValueError: not a rotation matrix (scipy's message).
        """
        matrix: Any = self._matrix
        if matrix.shape == (3, 3) and matrix.dtype == np.float64:
            rows = matrix.tolist()
            if _is_rotation(*rows):
                return np.array(_quaternion(rows))
        return Rotation.from_matrix(matrix).as_quat()


def _is_rotation(a: list[float], b: list[float], c: list[float]) -> bool:
    """Whether a and b are orthonormal and c is their cross product; NaN is neither."""
    return (
        abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) < _ORTHONORMAL
        and abs(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] - 1.0) < _ORTHONORMAL
        and abs(b[0] * b[0] + b[1] * b[1] + b[2] * b[2] - 1.0) < _ORTHONORMAL
        and abs(a[1] * b[2] - a[2] * b[1] - c[0]) < _ORTHONORMAL
        and abs(a[2] * b[0] - a[0] * b[2] - c[1]) < _ORTHONORMAL
        and abs(a[0] * b[1] - a[1] * b[0] - c[2]) < _ORTHONORMAL
    )


def _quaternion(m: list[list[float]]) -> tuple[float, float, float, float]:
    """Shepperd's method: solve for the largest of the four components first. Order of operations as in scipy."""
    xx, yy, zz = m[0][0], m[1][1], m[2][2]
    trace = xx + yy + zz
    if trace > xx and trace > yy and trace > zz:
        x, y, z, w = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1], 1 + trace
    elif xx >= yy and xx >= zz:
        x, y, z, w = 1 - trace + 2 * xx, m[1][0] + m[0][1], m[2][0] + m[0][2], m[2][1] - m[1][2]
    elif yy >= zz:
        x, y, z, w = m[1][0] + m[0][1], 1 - trace + 2 * yy, m[2][1] + m[1][2], m[0][2] - m[2][0]
    else:
        x, y, z, w = m[2][0] + m[0][2], m[2][1] + m[1][2], 1 - trace + 2 * zz, m[1][0] - m[0][1]
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    return x / norm, y / norm, z / norm, w / norm
