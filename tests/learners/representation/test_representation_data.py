"""Batches of windows: balanced, repeatable, and never of the other side of the split."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.learners.representation.representation_data import RepresentationData


@pytest.fixture
def make_data(table):
    def make(**choices) -> RepresentationData:
        settings = {"window": 6, "batch_size": 24, "validation_batches": 3, "seed": 0} | choices
        return RepresentationData(table, device=torch.device("cpu"), **settings)

    return make


def test_every_cell_has_its_share_of_a_batch(make_data):
    batch = make_data().training_batch(0)
    assert np.bincount(batch.task).tolist() == [8, 8, 8]
    assert batch.windows.states.shape == (24, 6, 21)


def test_a_batch_is_a_function_of_seed_and_number(make_data):
    first, again = make_data().training_batch(7), make_data().training_batch(7)
    other = make_data(seed=1).training_batch(7)
    assert torch.equal(first.windows.states, again.windows.states)
    assert not torch.equal(first.windows.states, other.windows.states)


def test_tasks_are_those_of_the_windows(make_data, table):
    rows = np.array([3, 40, 400])
    batch = make_data().batch(rows)
    assert batch.task.tolist() == table.task_of_row[rows].tolist()
    np.testing.assert_array_equal(batch.windows.states[:, -1], table.columns["state"][rows])


def test_validation_windows_come_from_other_episodes_and_are_the_same_each_time(make_data, table):
    data = make_data()
    held_out = {row.tobytes() for row in table.columns["state"][table.rows("validation")]}
    first, again = (list(data.validation_batches()) for _ in range(2))
    assert len(first) == 3
    for batch, repeated in zip(first, again, strict=True):
        assert torch.equal(batch.windows.states, repeated.windows.states)
        assert {row.numpy().tobytes() for row in batch.windows.states[:, -1]} <= held_out


def test_there_are_no_more_validation_batches_than_rows_to_fill_them(make_data, table):
    wanted = -(-len(table.rows("validation")) // 100)
    assert len(list(make_data(batch_size=100, validation_batches=50).validation_batches())) == wanted


def test_a_batch_larger_than_the_data_is_as_large_as_the_data(make_data, table):
    assert len(make_data(batch_size=60_000).training_batch(0).task) == len(table.rows("train"))


def test_some_rows_are_all_or_a_seeded_part_of_a_split(make_data, table):
    data = make_data()
    np.testing.assert_array_equal(data.some_rows("validation", 10**6), table.rows("validation"))
    some = data.some_rows("train", 20)
    assert len(np.unique(some)) == 20
    assert set(some) <= set(table.rows("train"))
    np.testing.assert_array_equal(some, make_data().some_rows("train", 20))
