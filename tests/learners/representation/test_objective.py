"""The objective is the weighted sum of its parts, and each flag adds the term it names."""

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
from potstill.learners.representation.masking import mask_windows


def _by_hand(objective, batch, seed):
    """The parts, from the pure functions: both views of all windows, forwarded one after the other."""
    transformer = objective.transformer
    original = transformer.normalise(batch.windows).twice()
    masked = mask_windows(original, probability=0.15, seed=seed)
    rows = len(batch.task)
    codes = torch.cat(
        [transformer(type(original)(*(t[i : i + rows] for t in masked.shown))).code for i in (0, rows)]
    )
    return original, masked, codes


def test_the_default_is_reconstruction_plus_a_quarter_of_the_contrast(make_objective, batch):
    objective = make_objective()
    loss, parts = objective(batch, mask_seed=5)
    original, masked, codes = _by_hand(objective, batch, 5)
    reconstruction, _ = reconstruction_loss(objective.transformer(masked.shown), original, masked)
    contrast = contrastive_loss(
        *codes.chunk(2), batch.task, temperature=0.15, negatives="other_tasks", positives="window"
    )
    torch.testing.assert_close(parts["reconstruction"], reconstruction)
    torch.testing.assert_close(parts["contrast"], contrast)
    torch.testing.assert_close(loss, reconstruction + 0.25 * contrast)
    assert set(parts) == {"reconstruction", "contrast"}


@pytest.mark.parametrize(
    ("choices", "terms"),
    [
        ({"contrastive_weight": 0.0}, (1.0, 0.0)),
        ({"reconstruction_weight": 0.0}, (0.0, 0.25)),
        ({"reconstruction_weight": 3.0, "contrastive_weight": 2.0}, (3.0, 2.0)),
    ],
)
def test_a_weight_scales_its_term_and_no_other(make_objective, batch, choices, terms):
    loss, parts = make_objective(**choices)(batch, mask_seed=1)
    torch.testing.assert_close(loss, terms[0] * parts["reconstruction"] + terms[1] * parts["contrast"])


@pytest.mark.parametrize("negatives", ["other_tasks", "all"])
@pytest.mark.parametrize("positives", ["window", "task"])
def test_the_contrast_is_the_chosen_one(make_objective, batch, negatives, positives):
    objective = make_objective(negatives=negatives, positives=positives)
    _, parts = objective(batch, mask_seed=5)
    _, _, codes = _by_hand(objective, batch, 5)
    expected = contrastive_loss(
        *codes.chunk(2), batch.task, temperature=0.15, negatives=negatives, positives=positives
    )
    torch.testing.assert_close(parts["contrast"], expected)


def test_dynamics_adds_its_weighted_error_in_the_units_of_the_state(make_objective, batch):
    objective = make_objective(dynamics_weight=200.0)
    std = torch.tensor([0.5, 1.0, 2.0, 4.0])
    objective.transformer.set_normaliser(torch.ones(4), std, torch.zeros(()), torch.ones(()))
    loss, parts = objective(batch, mask_seed=5)
    original, _, codes = _by_hand(objective, batch, 5)
    predicted = objective.dynamics(original.states[:, :-1], original.actions, codes)
    raw = batch.windows.states.repeat(2, 1, 1)[:, 1:]
    expected = dynamics_loss(predicted * std + 1.0, raw, original.valid_transitions)
    torch.testing.assert_close(parts["dynamics"], expected)
    rest = parts["reconstruction"] + 0.25 * parts["contrast"]
    torch.testing.assert_close(loss, rest + 200.0 * parts["dynamics"])


def _forwarded(objective, batch, seed):
    original = objective.transformer.normalise(batch.windows).twice()
    return objective.transformer(mask_windows(original, probability=0.15, seed=seed).shown)


def test_a_contrast_between_robots_adds_its_weighted_term(make_objective, batch):
    loss, parts = make_objective()(batch, mask_seed=5)
    objective = make_objective(robot_weight=0.25)
    with_robots, robot_parts = objective(batch, mask_seed=5)
    code, _ = objective.robot(_forwarded(objective, batch, 5).whole)
    expected = contrastive_loss(
        *code.chunk(2), batch.robot, temperature=0.15, negatives="other_tasks", positives="window"
    )
    assert expected > 0.1
    torch.testing.assert_close(robot_parts["robot"], expected)
    torch.testing.assert_close(with_robots, loss + 0.25 * expected)
    assert set(robot_parts) == {*parts, "robot"}


def test_robots_may_be_named_instead_and_chance_costs_the_logarithm_of_their_number(make_objective, batch):
    loss, _ = make_objective()(batch, mask_seed=5)
    objective = make_objective(robot_weight=2.0, robot_loss="names")
    torch.nn.init.zeros_(objective.robot.names.weight)
    torch.nn.init.zeros_(objective.robot.names.bias)
    with_names, parts = objective(batch, mask_seed=5)
    assert parts["robot"].item() == pytest.approx(math.log(2))
    torch.testing.assert_close(with_names, loss + 2.0 * math.log(2))
    # Sure of robot 0 by ten nats: right costs nothing, wrong ten. 6 of the 9 windows are of robot 0.
    objective.robot.names.bias.data[0] = 10.0
    assert objective(batch, mask_seed=5)[1]["robot"].item() == pytest.approx(10.0 / 3, abs=1e-3)


def test_decoupling_adds_a_tenth_of_the_cosine_between_the_codes(make_objective, batch):
    loss, _ = make_objective(robot_weight=0.25)(batch, mask_seed=5)
    objective = make_objective(robot_weight=0.25, decoupling_weight=0.1)
    decoupled, parts = objective(batch, mask_seed=5)
    output = _forwarded(objective, batch, 5)
    torch.testing.assert_close(
        parts["decoupling"], decoupling_loss(output.code, objective.robot(output.whole)[0])
    )
    torch.testing.assert_close(decoupled, loss + 0.1 * parts["decoupling"])
    # A robot's code that is the task's code itself costs the whole tenth.
    objective.robot.code.load_state_dict(objective.transformer.code_head.state_dict())
    assert objective(batch, mask_seed=5)[1]["decoupling"].item() == pytest.approx(1.0)


def test_without_a_weight_there_is_no_head_and_the_same_weights_are_drawn(make_objective):
    plain, whole = make_objective(), make_objective(dynamics_weight=1.0, robot_weight=1.0, robot_loss="names")
    assert plain.dynamics is None and plain.robot is None
    assert make_objective(robot_weight=1.0).robot.names is None
    drawn = whole.state_dict()
    assert all(torch.equal(value, drawn[name]) for name, value in plain.state_dict().items())


@pytest.mark.parametrize(
    ("choices", "idle"),
    [
        ({"contrastive_weight": 0.0}, {"code_head"}),
        ({"reconstruction_weight": 0.0}, {"state_head", "action_head", "reward_head"}),
    ],
)
def test_a_head_learns_from_its_own_loss_alone(make_objective, batch, choices, idle):
    objective = make_objective(**choices)
    objective(batch, mask_seed=0)[0].backward()
    heads = {"code_head", "state_head", "action_head", "reward_head"}
    silent = {head for head in heads if not getattr(objective.transformer, head).weight.grad.any()}
    assert silent == idle


def test_every_parameter_learns_from_the_whole(make_objective, batch):
    objective = make_objective(
        dynamics_weight=1.0, robot_weight=1.0, robot_loss="names", decoupling_weight=1.0
    )
    objective(batch, mask_seed=0)[0].backward()
    silent = [name for name, parameter in objective.named_parameters() if not parameter.grad.any()]
    assert silent == []


def test_the_codes_are_those_of_unmasked_windows(make_objective, batch):
    objective = make_objective()
    assert torch.equal(objective.codes(batch), objective.transformer.encode(batch.windows))
