"""Each loss against numbers worked out by hand, and where its gradient goes."""

from __future__ import annotations

import math

import pytest
import torch

from potstill.learners.representation.losses import (
    contrastive_loss,
    decoupling_loss,
    dynamics_loss,
    reconstruction_loss,
)
from potstill.learners.representation.masking import MaskedWindows
from potstill.policies.trajectory_transformer import TransformerOutput
from potstill.policies.window_tensors import WindowTensors


def _target() -> WindowTensors:
    """Two views of one window of 3 states of 2 numbers, all zero."""
    return WindowTensors(
        torch.zeros(2, 3, 2), torch.zeros(2, 2, 1), torch.zeros(2, 2), torch.ones(2, 3, dtype=torch.bool)
    )


def _output() -> TransformerOutput:
    return TransformerOutput(
        states=torch.tensor([[[1.0, 3.0], [2.0, 2.0], [9.0, 9.0]], [[9.0, 9.0], [4.0, 0.0], [9.0, 9.0]]]),
        actions=torch.tensor([[[2.0], [9.0]], [[9.0], [3.0]]]),
        rewards=torch.tensor([[9.0, 0.5], [1.0, 9.0]]),
        code=torch.zeros(2, 1),
        state_embedding=torch.zeros(2, 1),
        whole=torch.zeros(2, 1),
    )


def _masked(**changes) -> MaskedWindows:
    chosen = {
        "states": torch.tensor([[True, True, False], [False, True, False]]),
        "actions": torch.tensor([[True, False], [False, True]]),
        "rewards": torch.tensor([[False, True], [True, False]]),
    }
    return MaskedWindows(shown=_target(), **(chosen | changes))


def test_reconstruction_is_the_mean_per_view_over_chosen_positions_summed_over_views_and_kinds():
    loss, parts = reconstruction_loss(_output(), _target(), _masked())
    # First view: states ((1 + 9 + 4 + 4) / 4), second: ((16 + 0) / 2).
    assert parts["states"].item() == pytest.approx(4.5 + 8.0)
    assert parts["actions"].item() == pytest.approx(4.0 + 9.0)
    assert parts["rewards"].item() == pytest.approx(0.25 + 1.0)
    assert loss.item() == pytest.approx(12.5 + 13.0 + 1.25)


def test_reconstruction_counts_nothing_where_nothing_was_hidden():
    nothing = torch.zeros(2, 2, dtype=torch.bool)
    loss, parts = reconstruction_loss(_output(), _target(), _masked(actions=nothing, rewards=nothing))
    assert parts["actions"].item() == 0.0
    assert loss.item() == pytest.approx(12.5)


def test_the_gradient_of_reconstruction_goes_through_chosen_positions_only():
    output, masked = _output(), _masked()
    for tensor in (output.states, output.actions, output.rewards):
        tensor.requires_grad_()
    reconstruction_loss(output, _target(), masked)[0].backward()
    assert torch.equal((output.states.grad != 0.0).any(dim=2), masked.states)
    assert torch.equal(output.actions.grad[..., 0] != 0.0, masked.actions)
    assert torch.equal(output.rewards.grad != 0.0, masked.rewards)


#: Codes in the plane whose cosines are 1, 0 and -1; lengths must not matter.
_FIRST = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
_SECOND = torch.tensor([[1.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])
#: cos: [[1, 0, -1], [0, 1, 0], [0, 1, 0]]; windows 1 and 2 are of one task.
_TASK = torch.tensor([4, 7, 7])


def _contrast(negatives: str, positives: str) -> float:
    loss = contrastive_loss(_FIRST, _SECOND, _TASK, temperature=0.5, negatives=negatives, positives=positives)
    return loss.item()


def test_info_nce_with_the_same_task_left_out_of_the_negatives():
    rows = [
        math.log(math.exp(2) + math.exp(0) + math.exp(-2)) - 2,
        math.log(math.exp(2) + math.exp(0)) - 2,
        math.log(math.exp(0) + math.exp(0)) - 0,
    ]
    assert _contrast("other_tasks", "window") == pytest.approx(sum(rows) / 3)


def test_plain_info_nce():
    rows = [
        math.log(math.exp(2) + math.exp(0) + math.exp(-2)) - 2,
        math.log(math.exp(2) + 2) - 2,
        math.log(math.exp(2) + 2) - 0,
    ]
    assert _contrast("all", "window") == pytest.approx(sum(rows) / 3)


def test_supervised_contrast_takes_every_window_of_the_task_for_a_positive():
    both = math.log(math.exp(2) + 2) - (2 + 0) / 2
    rows = [math.log(math.exp(2) + math.exp(0) + math.exp(-2)) - 2, both, both]
    assert _contrast("all", "task") == pytest.approx(sum(rows) / 3)


def test_supervised_contrast_against_other_tasks_only():
    near, far = math.log(math.exp(2) + 1) - 2, math.log(1 + 1) - 0
    both = (near + far) / 2
    rows = [math.log(math.exp(2) + math.exp(0) + math.exp(-2)) - 2, both, both]
    assert _contrast("other_tasks", "task") == pytest.approx(sum(rows) / 3)


@pytest.mark.parametrize("positives", ["window", "task"])
def test_a_batch_of_one_task_contributes_no_negatives(positives):
    code = torch.randn(8, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = contrastive_loss(
        code, code.flip(0), torch.zeros(8), temperature=0.15, negatives="other_tasks", positives=positives
    )
    loss.backward()
    assert loss.item() == 0.0
    assert torch.equal(code.grad, torch.zeros_like(code))


def test_a_batch_of_one_task_has_negatives_when_all_are():
    code = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    loss = contrastive_loss(code, code, torch.zeros(8), temperature=0.15, negatives="all", positives="window")
    assert loss.item() > 0.01


@pytest.mark.parametrize(
    ("negatives", "positives"), [("other_tasks", "window"), ("other_tasks", "task"), ("all", "task")]
)
def test_the_contrast_is_least_when_tasks_point_apart(negatives, positives):
    apart = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]])
    mixed = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    choices = {"temperature": 0.15, "negatives": negatives, "positives": positives}
    task = torch.tensor([0, 0, 1, 1])
    assert contrastive_loss(apart, apart, task, **choices) < contrastive_loss(mixed, mixed, task, **choices)


def test_plain_info_nce_knows_no_tasks():
    code = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    first, second = (
        contrastive_loss(code, code, task, temperature=0.15, negatives="all", positives="window")
        for task in (torch.zeros(6), torch.arange(6))
    )
    assert torch.equal(first, second)


def test_dynamics_is_the_mean_over_transitions_that_are_not_padding():
    predicted = torch.tensor([[[1.0, 1.0], [9.0, 9.0]], [[2.0, 0.0], [0.0, 3.0]]])
    valid = torch.tensor([[True, False], [True, True]])
    loss = dynamics_loss(predicted, torch.zeros(2, 2, 2), valid)
    assert loss.item() == pytest.approx((1.0 + 2.0 + 4.5) / 3)
    assert dynamics_loss(predicted, torch.zeros(2, 2, 2), torch.zeros_like(valid)).item() == 0.0


def test_decoupling_is_the_mean_size_of_the_cosine_whatever_the_lengths():
    task = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 4.0]])
    robot = torch.tensor([[-5.0, 0.0], [7.0, 0.0], [10.0, 0.0]])
    assert decoupling_loss(task, robot).item() == pytest.approx((1.0 + 0.0 + 0.6) / 3)
