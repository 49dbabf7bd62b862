"""Clusters of codes, as many as there are, and how odd another code is to them. Labels are not needed.

A Dirichlet-process mixture of Gaussians by variational inference (Blei and Jordan 2006), with moves that merge
clusters (as in Hughes and Sudderth 2013), without which their number would be that of the start. Nonparametric, because
nobody knows how many phases a task has; a density and not a distance to centres, because phases differ in their width;
variational, because it needs no samples and says when it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import betaln, digamma, entr, logsumexp, softmax

from potstill.learners.representation.k_means import k_means
from potstill.learners.representation.normal_wishart import NormalWishart

#: Clusters to begin with; there can only become fewer.
_MOST_CLUSTERS = 30
#: How ready the prior is for one cluster more (the concentration of the Dirichlet process).
_CONCENTRATION = 1.0
#: Before it has seen a code, a cluster is expected to have this share of all codes' variance.
_PRIOR_SPREAD = 0.5
_PRIOR_STRENGTH = 0.01
_ITERATIONS = 100
#: Nats per code that a round of updates must gain to be followed by another.
_TOLERANCE = 1e-5
#: Pairs of clusters whose merging is tried, those that share most codes first.
_PAIRS = 12


class CodeMixture:
    """C clusters, and the chance of a code of none of them.

    Codes are whitened first: their units and correlations do not matter. Legend: N codes, Z numbers each, C clusters.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        """From the ``arrays`` of another one; a new one comes from ``fit``."""
        self.arrays = dict(arrays)
        self._clusters = NormalWishart(
            strength=arrays["strength"],
            degrees=arrays["degrees"],
            mean=arrays["mean"],
            scatter=arrays["scatter"],
        )
        self._stick_C2 = arrays["stick"]

    @classmethod
    def fit(cls, codes_NZ: np.ndarray, *, seed: int) -> Self:
        """The mixture of at least one code; time grows with N and the square of the clusters it begins with."""
        centre_Z, whitening_ZZ = _whitening(codes_NZ.astype(np.float64))
        points_NZ = (codes_NZ - centre_Z) @ whitening_ZZ
        start_N = k_means(points_NZ, min(_MOST_CLUSTERS, len(points_NZ)), seed=seed)
        share_NC = np.eye(start_N.max() + 1)[start_N]
        fitted = _merged(points_NZ, _converged(points_NZ, _fitted(points_NZ, share_NC)))
        clusters = fitted.clusters
        return cls(
            {
                "centre": centre_Z,
                "whitening": whitening_ZZ,
                "strength": clusters.strength,
                "degrees": clusters.degrees,
                "mean": clusters.mean,
                "scatter": clusters.scatter,
                "stick": fitted.stick,
            }
        )

    @property
    def clusters(self) -> int:
        """C."""
        return len(self._stick_C2)

    def cluster_of(self, codes_NZ: np.ndarray) -> np.ndarray:
        """The likeliest cluster 0..C-1 (N,) of each code; 0 is the largest."""
        return self._log_densities(codes_NZ)[:, :-1].argmax(axis=1)

    def novelty(self, codes_NZ: np.ndarray) -> np.ndarray:
        """(N,) float64: minus the log density of each code, in nats, up to a constant of this mixture."""
        return -logsumexp(self._log_densities(codes_NZ), axis=1)

    def _log_densities(self, codes_NZ: np.ndarray) -> np.ndarray:
        """(N, C + 1): of each cluster with its weight; the last is what no cluster explains."""
        points_NZ = (codes_NZ - self.arrays["centre"]) @ self.arrays["whitening"]
        known_NC = self._clusters.log_predictive(points_NZ)
        unknown_N1 = _prior(points_NZ.shape[1]).log_predictive(points_NZ)
        broken_C2 = self._stick_C2 / self._stick_C2.sum(axis=1, keepdims=True)
        rest_C = np.cumsum(np.log(broken_C2[:, 1]))
        weight_C = np.log(broken_C2[:, 0]) + np.concatenate([[0.0], rest_C[:-1]])
        return np.concatenate([known_NC + weight_C, unknown_N1 + rest_C[-1]], axis=1)


@dataclass(frozen=True, kw_only=True)
class _Fit:
    """Beliefs that follow from shares of the points, and how good they are."""

    share: np.ndarray
    """(N, C) of each point in each cluster."""
    clusters: NormalWishart
    stick: np.ndarray
    """(C, 2) Beta distributions of the parts broken off, the largest cluster first."""
    bound: float
    """Lower bound of the log evidence, in nats."""


def _fitted(points_NZ: np.ndarray, share_NC: np.ndarray) -> _Fit:
    """The best beliefs for given shares. What holds less than half a point is no cluster."""
    share_NC = share_NC[:, share_NC.sum(axis=0) >= 0.5]
    share_NC = share_NC / share_NC.sum(axis=1, keepdims=True)
    share_NC = share_NC[:, np.argsort(-share_NC.sum(axis=0), kind="stable")]
    count_C = share_NC.sum(axis=0)
    prior = _prior(points_NZ.shape[1])
    clusters = prior.after(points_NZ, share_NC)
    later_C = np.append(np.cumsum(count_C[::-1])[::-1][1:], 0.0)
    stick_C2 = np.stack([1.0 + count_C, _CONCENTRATION + later_C], axis=1)
    sticks = betaln(*stick_C2.T) - betaln(1.0, _CONCENTRATION)
    evidence = clusters.log_evidence(prior, count_C) + sticks
    return _Fit(
        share=share_NC,
        clusters=clusters,
        stick=stick_C2,
        bound=float(evidence.sum() + entr(share_NC).sum()),
    )


def _converged(points_NZ: np.ndarray, fit: _Fit) -> _Fit:
    for _ in range(_ITERATIONS):
        logs_C2 = digamma(fit.stick) - digamma(fit.stick.sum(axis=1, keepdims=True))
        weight_C = logs_C2[:, 0] + np.concatenate([[0.0], np.cumsum(logs_C2[:-1, 1])])
        share_NC = softmax(fit.clusters.expected_log_density(points_NZ) + weight_C, axis=1)
        before, fit = fit, _fitted(points_NZ, share_NC)
        if fit.bound - before.bound < _TOLERANCE * len(points_NZ):
            break
    return fit


def _merged(points_NZ: np.ndarray, fit: _Fit) -> _Fit:
    """``fit`` with clusters merged as long as that is the better explanation."""
    while (merged := _first_better_merge(points_NZ, fit)) is not None:
        fit = _converged(points_NZ, merged)
    return fit


def _first_better_merge(points_NZ: np.ndarray, fit: _Fit) -> _Fit | None:
    for first, second in _nearest_pairs(fit.clusters):
        share_NC = fit.share.copy()
        share_NC[:, first] += share_NC[:, second]
        candidate = _fitted(points_NZ, np.delete(share_NC, second, axis=1))
        if candidate.bound > fit.bound:
            return candidate
    return None


def _nearest_pairs(clusters: NormalWishart) -> list[tuple[int, int]]:
    """Pairs of clusters whose means explain each other best."""
    near_CC = clusters.log_predictive(clusters.mean)
    first, second = np.triu_indices(len(near_CC), k=1)
    order = np.argsort(-(near_CC + near_CC.T)[first, second], kind="stable")[:_PAIRS]
    return [(int(first[place]), int(second[place])) for place in order]


def _prior(size: int) -> NormalWishart:
    degrees = size + 2.0
    return NormalWishart(
        strength=np.array([_PRIOR_STRENGTH]),
        degrees=np.array([degrees]),
        mean=np.zeros((1, size)),
        # The expected covariance is the scatter / (degrees - size - 1), the spread.
        scatter=np.eye(size)[None] * _PRIOR_SPREAD,
    )


def _whitening(codes_NZ: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean, and a matrix that gives centred codes unit variance in every direction in which they differ."""
    centre_Z = codes_NZ.mean(axis=0)
    centred_NZ = codes_NZ - centre_Z
    variance_Z, axis_ZZ = np.linalg.eigh(centred_NZ.T @ centred_NZ / len(codes_NZ))
    differs_Z = variance_Z > max(1e-9 * variance_Z.max(), 1e-24)
    scale_Z = np.where(differs_Z, 1.0 / np.sqrt(np.where(differs_Z, variance_Z, 1.0)), 1.0)
    return centre_Z, axis_ZZ * scale_Z
