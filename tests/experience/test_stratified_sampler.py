"""Equal parts of unequal groups; every batch a function of its number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.experience.stratified_sampler import StratifiedSampler

sizes = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def groups_of(sizes, seed=0):
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)) * 3, sizes))


@settings(max_examples=100, deadline=None)
@given(sizes, st.integers(1, 50), st.integers(0, 1000))
def test_every_batch_has_each_groups_quota_within_one(sizes, batch_size, step):
    groups = groups_of(sizes)
    batch = StratifiedSampler(groups, batch_size=batch_size, seed=1).batch(step)
    assert batch.shape == (batch_size,) and batch.dtype == np.int64
    counts = [(groups[batch] == group).sum() for group in np.unique(groups)]
    quota = batch_size / len(sizes)
    assert all(abs(count - quota) < 1 for count in counts)


@settings(max_examples=50, deadline=None)
@given(sizes, st.integers(1, 50), st.permutations(range(12)))
def test_the_same_seed_and_step_give_the_same_batch_whatever_was_asked_before(sizes, batch_size, order):
    groups = groups_of(sizes)
    first, second = (StratifiedSampler(groups, batch_size=batch_size, seed=5) for _ in range(2))
    asked = {step: second.batch(step) for step in order}
    assert all(np.array_equal(first.batch(step), asked[step]) for step in range(12))


@settings(max_examples=50, deadline=None)
@given(sizes, st.integers(1, 30))
def test_each_group_is_walked_through_before_a_row_comes_again(sizes, batch_size):
    groups = groups_of(sizes)
    sampler = StratifiedSampler(groups, batch_size=batch_size, seed=2)
    drawn = np.concatenate([sampler.batch(step) for step in range(40)])
    for group in np.unique(groups):
        mine = drawn[groups[drawn] == group]
        size = int((groups == group).sum())
        for epoch in range(len(mine) // size):
            assert len(set(mine[epoch * size : (epoch + 1) * size].tolist())) == size


def test_over_as_many_batches_as_groups_all_have_equally_many_rows():
    groups = groups_of([3, 500, 40])
    sampler = StratifiedSampler(groups, batch_size=32, seed=0)
    drawn = groups[np.concatenate([sampler.batch(step) for step in range(6)])]
    assert set(np.unique(drawn, return_counts=True)[1]) == {64}


def test_epochs_and_seeds_have_orders_of_their_own():
    groups = np.zeros(50, int)
    sampler = StratifiedSampler(groups, batch_size=50, seed=0)
    other = StratifiedSampler(groups, batch_size=50, seed=1)
    orders = {tuple(one.batch(step)) for one in (sampler, other) for step in range(3)}
    assert len(orders) == 6


def test_senseless_settings_are_refused():
    with pytest.raises(ValueError, match="batch_size must be at least 1: got 0"):
        StratifiedSampler(np.zeros(3, int), batch_size=0, seed=0)
    with pytest.raises(ValueError, match=r"groups must be \(N,\)"):
        StratifiedSampler(np.zeros(0, int), batch_size=1, seed=0)
