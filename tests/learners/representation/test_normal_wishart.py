"""Beliefs about Gaussians agree with what is known of them otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_t, wishart

from potstill.learners.representation.normal_wishart import NormalWishart


@pytest.fixture
def prior() -> NormalWishart:
    return NormalWishart(
        strength=np.array([0.5]),
        degrees=np.array([4.0]),
        mean=np.array([[1.0, -1.0]]),
        scatter=np.array([[[2.0, 0.3], [0.3, 1.0]]]),
    )


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(7, 2)) * [2.0, 0.5]


def test_two_points_by_hand(prior):
    belief = prior.after(np.array([[3.0, 0.0], [5.0, 0.0]]), np.ones((2, 1)))
    assert belief.strength == pytest.approx([2.5])
    assert belief.degrees == pytest.approx([6.0])
    # (0.5 * (1, -1) + 2 * (4, 0)) / 2.5
    np.testing.assert_allclose(belief.mean, [[3.4, -0.2]])
    # Before + squares around (4, 0) + 0.5 * 2 / 2.5 times the square of (3, 1).
    np.testing.assert_allclose(belief.scatter, [[[2.0 + 2.0 + 3.6, 0.3 + 1.2], [0.3 + 1.2, 1.0 + 0.4]]])


def test_points_may_come_one_after_the_other(prior, points):
    step = prior
    for point in points:
        step = step.after(point[None], np.ones((1, 1)))
    whole = prior.after(points, np.ones((7, 1)))
    for name in ("strength", "degrees", "mean", "scatter"):
        np.testing.assert_allclose(getattr(step, name), getattr(whole, name))


def test_the_evidence_is_the_product_of_what_was_expected_of_each_next_point(prior, points):
    step, log_evidence = prior, 0.0
    for point in points:
        log_evidence += step.log_predictive(point[None])[0, 0]
        step = step.after(point[None], np.ones((1, 1)))
    assert step.log_evidence(prior, np.array([7.0]))[0] == pytest.approx(log_evidence)


def test_the_next_point_is_a_students(prior, points):
    free = 4.0 + 1.0 - 2.0
    shape = (1.0 + 0.5) / (0.5 * free) * prior.scatter[0]
    expected = multivariate_t(prior.mean[0], shape, df=free).logpdf(points)
    np.testing.assert_allclose(prior.log_predictive(points)[:, 0], expected)


def test_the_mean_log_density_is_that_of_drawn_gaussians(prior, points):
    rng = np.random.default_rng(1)
    precisions = wishart(4.0, np.linalg.inv(prior.scatter[0])).rvs(100_000, random_state=rng)
    roots = np.linalg.cholesky(np.linalg.inv(0.5 * precisions))
    means = prior.mean[0] + (roots @ rng.normal(size=(len(roots), 2, 1)))[:, :, 0]
    offset = points[0] - means
    squared = np.einsum("ni,nij,nj->n", offset, precisions, offset)
    drawn = 0.5 * (np.linalg.slogdet(precisions)[1] - 2 * np.log(2 * np.pi) - squared)
    error = drawn.std() / np.sqrt(len(drawn))
    assert prior.expected_log_density(points[:1])[0, 0] == pytest.approx(drawn.mean(), abs=5 * error)


def test_a_point_may_belong_to_a_cluster_in_part(prior, points):
    share = np.random.default_rng(2).dirichlet([1.0, 1.0, 1.0], size=7)
    beliefs = prior.after(points, share)
    assert beliefs.strength.sum() == pytest.approx(3 * 0.5 + 7)
    doubled = prior.after(np.concatenate([points, points]), np.concatenate([share, share]) / 2)
    np.testing.assert_allclose(doubled.scatter, beliefs.scatter)
