"""Orientations as matrices, many at once."""

from __future__ import annotations

import numpy as np


def rotation_matrices(quaternions: np.ndarray) -> np.ndarray:
    """(N, 4) unit quaternions (w, x, y, z) to (N, 3, 3)."""
    w, x, y, z = np.asarray(quaternions, dtype=np.float64).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)
