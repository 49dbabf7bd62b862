"""Beliefs about Gaussians of which some points were seen (the Normal-Wishart; Bishop 2006, section 10.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import digamma, gammaln, multigammaln


@dataclass(frozen=True, kw_only=True)
class NormalWishart:
    """One belief for each of C clusters: where its mean is, and how its points scatter.

    Legend: N points, Z numbers each, C clusters.
    """

    strength: np.ndarray
    """(C,) points that the mean is worth."""
    degrees: np.ndarray
    """(C,) points that the scatter is worth, more than Z - 1."""
    mean: np.ndarray
    """(C, Z)"""
    scatter: np.ndarray
    """(C, Z, Z) sum of squares around the mean: the inverse of the Wishart's scale."""

    def after(self, points_NZ: np.ndarray, share_NC: np.ndarray) -> Self:
        """What one belief (C = 1) becomes for each of C clusters that hold these shares 0..1 of the points."""
        count_C = share_NC.sum(axis=0)
        mean_CZ = share_NC.T @ points_NZ / np.maximum(count_C, 1e-12)[:, None]
        offset_CNZ = points_NZ[None] - mean_CZ[:, None]
        scatter_CZZ = (offset_CNZ * share_NC.T[:, :, None]).transpose(0, 2, 1) @ offset_CNZ
        strength_C = self.strength + count_C
        pull_C = self.strength * count_C / strength_C
        moved_CZ = mean_CZ - self.mean
        return type(self)(
            strength=strength_C,
            degrees=self.degrees + count_C,
            mean=self.mean + moved_CZ * (count_C / strength_C)[:, None],
            scatter=self.scatter
            + scatter_CZZ
            + pull_C[:, None, None] * moved_CZ[:, :, None] * moved_CZ[:, None, :],
        )

    def log_evidence(self, prior: NormalWishart, count_C: np.ndarray) -> np.ndarray:
        """(C,) log of what the ``count_C`` points that led from ``prior`` to here were expected with."""
        return (
            self._log_normaliser()
            - prior._log_normaliser()
            - count_C * self.mean.shape[1] / 2 * np.log(2.0 * np.pi)
        )

    def expected_log_density(self, points_NZ: np.ndarray) -> np.ndarray:
        """(N, C): the mean over the belief of a Gaussian's log density."""
        size = points_NZ.shape[1]
        spread_C = digamma((self.degrees[:, None] - np.arange(size)) / 2).sum(axis=1) + size * np.log(2.0)
        precision_C = spread_C - np.linalg.slogdet(self.scatter)[1]
        squared_NC = self.degrees * self._squared(points_NZ) + size / self.strength
        return 0.5 * (precision_C - size * np.log(2.0 * np.pi) - squared_NC)

    def log_predictive(self, points_NZ: np.ndarray) -> np.ndarray:
        """(N, C): log density of the next point, a Student t."""
        size = points_NZ.shape[1]
        free_C = self.degrees + 1.0 - size
        # The scale is (1 + strength) / (strength * free) * scatter.
        ratio_C = self.strength / (1.0 + self.strength)
        logdet_C = np.linalg.slogdet(self.scatter)[1] - size * np.log(ratio_C)
        front_C = gammaln((free_C + size) / 2) - gammaln(free_C / 2) - 0.5 * (size * np.log(np.pi) + logdet_C)
        return front_C - (free_C + size) / 2 * np.log1p(ratio_C * self._squared(points_NZ))

    def _squared(self, points_NZ: np.ndarray) -> np.ndarray:
        """(N, C): squared distances to the means, in units of the scatter."""
        root_CZZ = np.linalg.inv(np.linalg.cholesky(self.scatter))
        offset_CZN = (points_NZ[None] - self.mean[:, None]).transpose(0, 2, 1)
        return np.square(root_CZZ @ offset_CZN).sum(axis=1).T

    def _log_normaliser(self) -> np.ndarray:
        size, half_C = self.mean.shape[1], self.degrees / 2
        return (
            half_C * size * np.log(2.0)
            + np.array([multigammaln(half, size) for half in half_C])
            - half_C * np.linalg.slogdet(self.scatter)[1]
            - size / 2 * np.log(self.strength)
        )
