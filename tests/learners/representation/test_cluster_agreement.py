"""Agreement of clusters and labels on cases small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from potstill.learners.representation.cluster_agreement import homogeneity, matched_accuracy, silhouette


def test_names_of_clusters_do_not_matter():
    labels = np.array([5, 5, 8, 8, 9])
    assert matched_accuracy(np.array([2, 2, 0, 0, 1]), labels) == 1.0
    assert homogeneity(np.array([2, 2, 0, 0, 1]), labels) == pytest.approx(1.0)


def test_a_cluster_stands_for_one_label_only():
    # Both labels are most frequent in cluster 0; the other one must take cluster 1, where it has 1 of 1.
    assert matched_accuracy(np.array([0, 0, 0, 0, 0, 1]), np.array([1, 1, 1, 2, 2, 2])) == pytest.approx(
        4 / 6
    )


def test_one_cluster_for_everything_has_no_homogeneity():
    assert homogeneity(np.zeros(4, int), np.array([0, 0, 1, 1])) == pytest.approx(0.0)
    assert homogeneity(np.zeros(4, int), np.zeros(4, int)) == 1.0


def test_homogeneity_is_the_share_of_the_labels_entropy_that_is_gone():
    # Cluster 0 holds labels 0, 0, 1; cluster 1 holds 1: H(label) = ln 2, H(label | cluster) = 3/4 H(1/3).
    conditional = 0.75 * -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    found = homogeneity(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert found == pytest.approx(1.0 - conditional / math.log(2))


def test_silhouette_by_hand():
    points = np.array([[0.0], [1.0], [4.0], [6.0]])
    # a, b: (1, 5), (1, 4), (2, 3.5), (2, 5.5)
    expected = (4 / 5 + 3 / 4 + 1.5 / 3.5 + 3.5 / 5.5) / 4
    assert silhouette(points, np.array([3, 3, 7, 7])) == pytest.approx(expected)


def test_a_point_alone_with_its_label_counts_nothing():
    points = np.array([[0.0], [1.0], [10.0]])
    expected = ((10 - 1) / 10 + (9 - 1) / 9 + 0) / 3
    assert silhouette(points, np.array([0, 0, 1])) == pytest.approx(expected)


def test_one_label_has_no_silhouette_and_coinciding_points_have_zero():
    assert silhouette(np.random.default_rng(0).normal(size=(5, 2)), np.zeros(5)) is None
    assert silhouette(np.zeros((4, 2)), np.array([0, 0, 1, 1])) == 0.0
