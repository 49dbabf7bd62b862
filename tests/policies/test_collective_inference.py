"""An episode's actions are the same bits whoever shares the batch, whatever the context."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.experience.context_window import ContextWindows
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.collective_inference import CollectiveInference
from potstill.policies.window_tensors import WindowTensors

CONTEXTS = ("code", "id", "zeros", "joint")


def chosen(windows: ContextWindows, rows) -> ContextWindows:
    return ContextWindows(
        windows.states[rows], windows.actions[rows], windows.rewards[rows], windows.valid[rows]
    )


def names(count):
    return np.random.default_rng(5).choice(["push-v3", "reach-v3"], count)


@pytest.mark.parametrize("context", CONTEXTS)
def test_actions_are_bitwise_equal_for_any_batch_size_and_order(
    make_collective, make_context_windows, context
):
    inference = CollectiveInference(make_collective(context, hidden=(300, 300)), version="v")
    windows, tasks = make_context_windows(200, inference.window), names(200)
    together = inference.act(windows, tasks)
    rng = np.random.default_rng(1)
    for batch in (1, 7, 16):
        order = rng.permutation(200)
        for first in range(0, 200, batch):
            rows = order[first : first + batch]
            assert np.array_equal(inference.act(chosen(windows, rows), tasks[rows]), together[rows])


def test_the_transformer_of_the_default_size_keeps_a_large_chunk(make_collective, make_context_windows):
    inference = CollectiveInference(make_collective(window=20), version="v")
    assert inference.chunk == 8 and inference.window == 20


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_actions_are_the_squashed_means_of_the_network(
    make_collective, make_context_windows, tmp_path, context
):
    policy = make_collective(context)
    sha256 = save_collective(tmp_path, policy)
    inference = CollectiveInference.load(tmp_path, expected_sha256=sha256)
    assert inference.version == sha256
    windows, tasks = make_context_windows(20, inference.window), names(20)
    with torch.inference_mode():
        mean, _ = policy.eval()(WindowTensors.of(windows), torch.tensor(policy.task_numbers(tasks)))
    actions = inference.act(windows, tasks)
    assert actions.dtype == np.float32
    assert np.allclose(actions, torch.tanh(mean).numpy(), atol=1e-6)
    assert inference.act(chosen(windows, slice(0)), []).shape == (0, 3)


def test_windows_of_another_length_and_unequal_tasks_are_refused(make_collective, make_context_windows):
    inference = CollectiveInference(make_collective(), version="v")
    with pytest.raises(ValueError, match="states must be"):
        inference.act(make_context_windows(4, 5), names(4))
    with pytest.raises(ValueError, match="task must be"):
        inference.act(make_context_windows(4), names(3))
