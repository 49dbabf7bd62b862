"""The inertia of a link: its mass spread evenly along the rods that it is drawn as."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def link_inertia(path: Sequence[ArrayLike], *, radius: float, mass: float) -> tuple[np.ndarray, np.ndarray]:
    """Centre of mass and inertia of a chain of solid cylinders with balls at their ends.

    Args:
        path: (N, 3) m, N >= 2: the ends of the cylinders.
        radius: m; also stands in for the length that a joint's housing adds to each cylinder.
        mass: kg, shared out by length.

    Returns:
        Centre (3,) m, and the symmetric inertia (3, 3) kg m^2 about it, in the frame of ``path``.
    """
    points = np.asarray(path, dtype=np.float64)
    spans = np.diff(points, axis=0)
    lengths = np.linalg.norm(spans, axis=1) + radius
    shares = mass * lengths / lengths.sum()
    middles = points[:-1] + spans / 2
    centre = shares @ middles / mass
    inertia = np.zeros((3, 3))
    for span, length, share, middle in zip(spans, lengths, shares, middles):
        inertia += _cylinder(span, length, radius) * share + _moved(middle - centre) * share
    return centre, inertia


def _cylinder(span: np.ndarray, length: float, radius: float) -> np.ndarray:
    """Inertia (3, 3) per kg of a cylinder along ``span``; of a ball where the span has no direction."""
    norm = np.linalg.norm(span)
    if norm < 1e-9:
        return 0.4 * radius**2 * np.eye(3)
    direction = span / norm
    along, across = radius**2 / 2, (3 * radius**2 + length**2) / 12
    return across * np.eye(3) + (along - across) * np.outer(direction, direction)


def _moved(offset: np.ndarray) -> np.ndarray:
    """What the parallel-axis theorem adds per kg, (3, 3)."""
    return offset @ offset * np.eye(3) - np.outer(offset, offset)
