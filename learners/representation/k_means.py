"""K-means (Lloyd 1982) with k-means++ seeding (Arthur and Vassilvitskii 2007)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

_RESTARTS = 8
_ITERATIONS = 100


def k_means(points_NZ: np.ndarray, count: int, *, seed: int) -> np.ndarray:
    """The cluster 0..count-1 of each point (N,) int64, of the tightest of eight seeded attempts.

    Points that coincide may leave clusters empty.
    """
    rng = np.random.default_rng(seed)
    points_NZ = points_NZ.astype(np.float64)
    attempts = [_attempt(points_NZ, count, rng) for _ in range(_RESTARTS)]
    return min(attempts, key=lambda attempt: attempt[0])[1]


def _attempt(points_NZ: np.ndarray, count: int, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """The sum of squared distances, and the assignment."""
    centres_CZ = _spread_out(points_NZ, count, rng)
    cluster_N = np.full(len(points_NZ), -1)
    for _ in range(_ITERATIONS):
        squared_NC = cdist(points_NZ, centres_CZ, "sqeuclidean")
        before, cluster_N = cluster_N, squared_NC.argmin(axis=1)
        if (cluster_N == before).all():
            break
        for cluster in np.unique(cluster_N):
            centres_CZ[cluster] = points_NZ[cluster_N == cluster].mean(axis=0)
    return float(squared_NC.min(axis=1).sum()), cluster_N


def _spread_out(points_NZ: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Centres to begin with: each drawn with a chance proportional to its squared distance to those there are."""
    chosen = [int(rng.integers(len(points_NZ)))]
    for _ in range(count - 1):
        squared_N = cdist(points_NZ, points_NZ[chosen], "sqeuclidean").min(axis=1)
        total = squared_N.sum()
        chosen.append(int(rng.choice(len(points_NZ), p=squared_N / total if total > 0.0 else None)))
    return points_NZ[chosen]
