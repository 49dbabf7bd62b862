"""Clusters that are there are found; clusters that are not there do not break it."""

from __future__ import annotations

import numpy as np

from potstill.learners.representation.cluster_agreement import matched_accuracy
from potstill.learners.representation.k_means import k_means


def test_separated_groups_are_found_whatever_their_sizes():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(6), [5, 200, 30, 80, 10, 60])
    points = 10.0 * np.eye(6)[labels] + rng.normal(size=(len(labels), 6))
    assert matched_accuracy(k_means(points.astype(np.float32), 6, seed=0), labels) == 1.0


def test_the_same_seed_gives_the_same_clusters():
    points = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    np.testing.assert_array_equal(k_means(points, 5, seed=1), k_means(points, 5, seed=1))


def test_points_that_coincide_are_one_cluster():
    assert len(np.unique(k_means(np.ones((20, 3), np.float32), 4, seed=0))) == 1


def test_every_point_is_with_the_nearest_mean():
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    cluster = k_means(points, 4, seed=0)
    means = np.stack([points[cluster == index].mean(axis=0) for index in range(4)])
    nearest = np.linalg.norm(points[:, None] - means[None], axis=2).argmin(axis=1)
    np.testing.assert_array_equal(cluster, nearest)
