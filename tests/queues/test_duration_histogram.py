from __future__ import annotations

import math

import pytest

from potstill.queues.duration_histogram import BOUNDS, DurationHistogram, bucket_of


def test_a_duration_falls_into_the_first_bucket_that_holds_it():
    assert bucket_of(0.0) == bucket_of(0.001) == 0
    assert bucket_of(0.0011) == 1
    assert bucket_of(2**21 / 1000) == 21
    assert bucket_of(1e9) == len(BOUNDS) - 1


def test_quantiles_are_the_bounds_of_their_buckets():
    counts = [0] * len(BOUNDS)
    counts[2], counts[10] = 98, 2
    histogram = DurationHistogram(counts=tuple(counts), sum_seconds=2.4)
    assert histogram.count == 100
    assert histogram.quantile(0.5) == histogram.quantile(0.98) == 0.004
    assert histogram.quantile(0.99) == histogram.quantile(1.0) == 1.024
    assert histogram.quantile(0.0) == 0.004


def test_nothing_counted_is_zero_and_longer_than_all_bounds_is_infinite():
    assert DurationHistogram().quantile(0.99) == 0.0
    endless = DurationHistogram(counts=(0,) * (len(BOUNDS) - 1) + (1,), sum_seconds=1e6)
    assert endless.quantile(0.5) == math.inf


def test_a_share_beyond_one_is_refused():
    with pytest.raises(ValueError, match=r"share must be in 0..1: got 99"):
        DurationHistogram().quantile(99)
