"""The mixture finds how many clusters there are, and is surprised by what it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.learners.representation.cluster_agreement import matched_accuracy
from potstill.learners.representation.code_mixture import CodeMixture

_CENTRES = np.array([[0.0, 0.0, 0.0], [40.0, 0.0, 0.0], [0.0, 0.4, 0.0], [40.0, 0.4, 1.0], [20.0, 0.2, 2.0]])


def _blobs(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clusters of unequal size, in units that differ a hundredfold."""
    rng = np.random.default_rng(seed)
    label = rng.choice(count, 600, p=np.arange(1, count + 1) / np.arange(1, count + 1).sum())
    noise = rng.normal(size=(600, 3)) * [2.0, 0.02, 0.05]
    return (_CENTRES[label] + noise).astype(np.float32), label


@pytest.mark.parametrize("count", [2, 3, 5])
def test_there_are_as_many_clusters_as_there_are(count):
    codes, label = _blobs(count)
    mixture = CodeMixture.fit(codes, seed=0)
    assert mixture.clusters == count
    assert matched_accuracy(mixture.cluster_of(codes), label) == 1.0


def test_clusters_are_ordered_by_their_size():
    codes, _ = _blobs(3)
    counts = np.bincount(CodeMixture.fit(codes, seed=0).cluster_of(codes))
    assert counts.tolist() == sorted(counts, reverse=True)


def test_a_code_is_new_where_none_was_and_the_farther_the_newer():
    mixture = CodeMixture.fit(_blobs(3)[0], seed=0)
    known, _ = _blobs(3, seed=1)
    away = np.array([[20.0, 0.2, 1.0], [20.0, 0.2, 5.0], [20.0, 0.2, 50.0]])
    score = mixture.novelty(away)
    assert score.min() > mixture.novelty(known).max()
    assert (np.diff(score) > 0.0).all()


def test_the_density_is_one():
    rng = np.random.default_rng(3)
    codes = np.concatenate([rng.normal(size=(80, 1)), 6.0 + rng.normal(size=(40, 1))])
    mixture = CodeMixture.fit(codes, seed=0)
    grid = np.linspace(-400.0, 400.0, 200_001)[:, None]
    # Novelty is that of whitened codes, whose density is larger by the scale.
    total = np.exp(-mixture.novelty(grid)).sum() * (grid[1, 0] - grid[0, 0]) / codes.std()
    assert total == pytest.approx(1.0, abs=0.01)


def test_the_same_codes_and_seed_give_the_same_mixture_and_arrays_hold_all_of_it():
    codes, _ = _blobs(3)
    first, again = CodeMixture.fit(codes, seed=0), CodeMixture.fit(codes, seed=0)
    copy = CodeMixture(first.arrays)
    np.testing.assert_array_equal(first.novelty(codes), again.novelty(codes))
    np.testing.assert_array_equal(first.novelty(codes), copy.novelty(codes))
    assert copy.clusters == first.clusters


@pytest.mark.parametrize(
    "codes", [np.ones((1, 4)), np.zeros((50, 3)), np.arange(40.0)[:, None] * [1.0, 2.0, 0.0]]
)
def test_codes_that_do_not_differ_in_every_direction_are_no_error(codes):
    mixture = CodeMixture.fit(codes.astype(np.float32), seed=0)
    assert mixture.clusters >= 1
    assert np.isfinite(mixture.novelty(codes)).all()
    assert mixture.novelty(codes + 1e4).min() > mixture.novelty(codes).max()
