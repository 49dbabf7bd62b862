"""How well clusters found without labels agree with the labels, and how well labels are separated."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist


def matched_accuracy(cluster_N: np.ndarray, label_N: np.ndarray) -> float:
    """Share of points whose cluster stands for their label, under the best one-to-one naming (Hungarian method)."""
    table_CL = _contingency(cluster_N, label_N)
    rows, columns = linear_sum_assignment(table_CL, maximize=True)
    return float(table_CL[rows, columns].sum() / len(label_N))


def homogeneity(cluster_N: np.ndarray, label_N: np.ndarray) -> float:
    """1 - H(label | cluster) / H(label) (Rosenberg and Hirschberg 2007); 1 with a single label."""
    table_CL = _contingency(cluster_N, label_N) / len(label_N)
    label_entropy = _entropy(table_CL.sum(axis=0))
    if label_entropy == 0.0:
        return 1.0
    conditional = _entropy(table_CL.ravel()) - _entropy(table_CL.sum(axis=1))
    return float(1.0 - conditional / label_entropy)


def silhouette(points_NZ: np.ndarray, label_N: np.ndarray) -> float | None:
    """Mean over points of (b - a) / max(a, b) (Rousseeuw 1987), in -1..1; None with fewer than two labels.

    a is the mean distance to others of the label, b to the nearest other label; a point alone with its label
    counts 0. Time and memory grow with N squared.
    """
    labels, label_N = np.unique(label_N, return_inverse=True)
    if len(labels) < 2:
        return None
    member_NL = np.eye(len(labels))[label_N]
    size_L = member_NL.sum(axis=0)
    total_NL = cdist(points_NZ, points_NZ) @ member_NL
    rows = np.arange(len(label_N))
    own_N = total_NL[rows, label_N] / np.maximum(size_L[label_N] - 1.0, 1.0)
    mean_NL = total_NL / size_L
    mean_NL[rows, label_N] = np.inf
    other_N = mean_NL.min(axis=1)
    largest_N = np.maximum(own_N, other_N)
    score_N = np.where(largest_N > 0.0, (other_N - own_N) / np.where(largest_N > 0.0, largest_N, 1.0), 0.0)
    return float(np.where(size_L[label_N] > 1.0, score_N, 0.0).mean())


def _contingency(cluster_N: np.ndarray, label_N: np.ndarray) -> np.ndarray:
    clusters, cluster_N = np.unique(cluster_N, return_inverse=True)
    labels, label_N = np.unique(label_N, return_inverse=True)
    table_CL = np.zeros((len(clusters), len(labels)))
    np.add.at(table_CL, (cluster_N, label_N), 1.0)
    return table_CL


def _entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0.0]
    return float(-(positive * np.log(positive)).sum())
