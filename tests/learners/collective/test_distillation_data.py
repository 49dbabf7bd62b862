"""Batches hold equal parts of every cell, and rows keep their labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.learners.collective import distillation_data
from potstill.learners.collective.distillation_data import DistillationData


@pytest.fixture
def make_data(table):
    """A factory of data of the fixture's table."""

    def make(**changes) -> DistillationData:
        settings = {"task_numbers": [0, 1], "window": 4, "codes": None, "batch_size": 18, "seed": 0}
        return DistillationData(table, device=torch.device("cpu"), **(settings | changes))

    return make


def test_a_batch_is_a_pure_function_of_the_step_with_equal_parts_of_every_task(make_data):
    data = make_data()
    for step in (3, 0, 3):
        batch = data.training_batch(step)
        assert sorted(np.bincount(batch.task.numpy())) in ([8, 10], [9, 9])
        assert torch.equal(batch.windows.states, make_data().training_batch(step).windows.states)
    assert not torch.equal(batch.windows.states, make_data(seed=1).training_batch(3).windows.states)


def test_rows_keep_their_labels_tasks_and_codes(make_data, table):
    codes = table.columns["state"][:, :2] * 3
    batch = make_data(codes=codes, window=1, task_numbers=[7, 5]).training_batch(0)
    state = batch.windows.states[:, 0]
    assert batch.windows.states.shape == (18, 1, 5) and batch.windows.actions.shape == (18, 0, 3)
    assert torch.equal(batch.codes, state[:, :2] * 3)
    sign = torch.where(batch.task == 7, 1.0, -1.0)  # push-v3 is the first of the sorted tasks
    assert torch.allclose(batch.labels.mu, 0.8 * sign[:, None] * torch.tanh(state[:, :3]), atol=1e-6)
    assert torch.equal(batch.labels.labelled_std, (batch.labels.log_std == -3.0).all(1))
    assert batch.labels.labelled_std.any() and not batch.labels.labelled_std.all()


def test_every_validation_row_is_seen_once_and_none_in_training(make_data, table, monkeypatch):
    data = make_data()
    parts = [batch.windows.states[:, -1] for batch in data.validation_batches()]
    assert np.array_equal(torch.cat(parts).numpy(), table.columns["state"][table.rows("validation")])
    assert not set(data.training_rows) & set(data.validation_rows)
    monkeypatch.setattr(distillation_data, "MOST_VALIDATION_ROWS", 10)
    some = make_data().validation_rows
    assert len(set(some)) == 10 and (some[0], some[-1]) == (data.validation_rows[0], data.validation_rows[-1])


def test_a_small_table_makes_small_batches(make_data, table):
    data = make_data(batch_size=100_000)
    assert data.batch_size == len(table.rows("train")) and data.batches_per_epoch == 1
