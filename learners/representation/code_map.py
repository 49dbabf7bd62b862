"""Codes on a plane, to be looked at."""

from __future__ import annotations

import numpy as np


def code_map(codes_NZ: np.ndarray) -> tuple[np.ndarray, float]:
    """The two directions in which codes differ most (principal components), and what they leave out.

    Linear, so that what is far apart on the map is far apart, and deterministic: the sign of an axis is that of its
    largest weight, which is made positive. Codes of a single number lie on a line.

    Args:
        codes_NZ: (N, Z) with N and Z at least 1.

    Returns:
        Places (N, 2) float64 around their mean, in the codes' own units, and the share of the variance that the map
        shows, 0..1 (1 where there is none).
    """
    centred_NZ = codes_NZ.astype(np.float64) - codes_NZ.mean(axis=0, dtype=np.float64)
    variance_Z, axis_ZZ = np.linalg.eigh(centred_NZ.T @ centred_NZ)  # ascending
    axis_Z2 = axis_ZZ[:, ::-1][:, :2]
    largest_2 = np.take_along_axis(axis_Z2, np.abs(axis_Z2).argmax(axis=0)[None], axis=0)[0]
    place_N2 = centred_NZ @ (axis_Z2 * np.where(largest_2 < 0.0, -1.0, 1.0))
    total = variance_Z.sum()
    share = float(variance_Z[::-1][:2].sum() / total) if total > 0.0 else 1.0
    return np.pad(place_N2, ((0, 0), (0, 2 - place_N2.shape[1]))), min(share, 1.0)
