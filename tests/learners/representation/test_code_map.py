"""The map shows the two directions that matter."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.learners.representation.code_map import code_map


def test_axes_are_the_directions_in_which_codes_differ_most():
    rng = np.random.default_rng(0)
    wide, narrow = rng.normal(size=200) * 5.0, rng.normal(size=200)
    codes = np.stack([narrow, np.zeros(200), wide], axis=1) + 7.0
    places, share = code_map(codes.astype(np.float32))
    np.testing.assert_allclose(np.corrcoef(places[:, 0], wide)[0, 1], 1.0, atol=1e-2)
    np.testing.assert_allclose(np.corrcoef(places[:, 1], narrow)[0, 1], 1.0, atol=1e-2)
    np.testing.assert_allclose(places.mean(axis=0), 0.0, atol=1e-5)
    assert share == pytest.approx(1.0)


def test_distances_stay_and_what_is_left_out_is_told():
    codes = np.array(
        [[3.0, 0.0, 0.0], [-3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, -2.0, 0.0], [0, 0, 1], [0, 0, -1]]
    )
    places, share = code_map(codes)
    np.testing.assert_allclose(places[:4], [[3.0, 0.0], [-3.0, 0.0], [0.0, 2.0], [0.0, -2.0]], atol=1e-12)
    assert share == pytest.approx((18 + 8) / (18 + 8 + 2))


def test_mirrored_codes_are_mirrored_and_nothing_else():
    codes = np.random.default_rng(0).normal(size=(50, 4)) * [4.0, 3.0, 2.0, 1.0]
    np.testing.assert_allclose(code_map(-codes)[0], -code_map(codes)[0], atol=1e-12)


@pytest.mark.parametrize("codes", [np.ones((5, 3)), np.ones((1, 1)), np.arange(4.0)[:, None]])
def test_codes_without_two_directions_have_a_map_too(codes):
    places, share = code_map(codes)
    assert places.shape == (len(codes), 2)
    np.testing.assert_allclose(places[:, 1], 0.0, atol=1e-9)
    assert share == pytest.approx(1.0)
