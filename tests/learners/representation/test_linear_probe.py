"""The probe finds what a linear map can find, and nothing more."""

from __future__ import annotations

import numpy as np

from potstill.learners.representation.linear_probe import LinearProbe


def test_labels_that_a_line_separates_are_told_exactly():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(600, 2)).astype(np.float32)
    labels = np.where(codes[:, 0] + 2.0 * codes[:, 1] > 0.5, 9, -4)
    probe = LinearProbe(codes[:400], labels[:400])
    assert (probe.predict(codes[400:]) == labels[400:]).mean() > 0.98
    assert set(probe.predict(codes)) == {9, -4}


def test_many_classes_in_few_dimensions_are_told():
    """Ten directions in the plane: a map fitted to the labels by least squares alone would hide the middle ones."""
    rng = np.random.default_rng(0)
    labels = np.arange(1000) % 10
    angle = labels * 2.0 * np.pi / 10
    codes = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.03 * rng.normal(size=(1000, 2))
    probe = LinearProbe(codes[:500].astype(np.float32), labels[:500])
    assert (probe.predict(codes[500:].astype(np.float32)) == labels[500:]).all()


def test_what_is_not_linear_is_not_told():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(4000, 2)).astype(np.float32)
    labels = (codes[:, 0] * codes[:, 1] > 0.0).astype(int)
    probe = LinearProbe(codes[:2000], labels[:2000])
    assert (probe.predict(codes[2000:]) == labels[2000:]).mean() < 0.7


def test_scale_and_a_constant_dimension_do_not_matter():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(500, 3)).astype(np.float32)
    labels = (codes[:, 1] > 0.0).astype(int)
    codes[:, 2] = 5.0
    stretched = codes * np.array([1e-4, 1e4, 1.0], np.float32)
    expected = LinearProbe(codes, labels).predict(codes)
    assert (LinearProbe(stretched, labels).predict(stretched) == expected).mean() > 0.99
    assert (expected == labels).mean() > 0.98


def test_codes_that_all_coincide_give_the_most_frequent_label():
    codes, labels = np.zeros((10, 2), np.float32), np.array([1] * 7 + [2] * 3)
    assert (LinearProbe(codes, labels).predict(codes) == 1).all()


def test_the_same_data_give_the_same_probe():
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(200, 3)).astype(np.float32), rng.integers(0, 4, 200)
    first, second = (LinearProbe(codes, labels).predict(codes) for _ in range(2))
    np.testing.assert_array_equal(first, second)
