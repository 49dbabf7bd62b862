"""Each loss against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from potstill.learners.collective.config import DistillationConfig
from potstill.learners.collective.losses import LABEL_LIMIT, LOSSES, ExpertLabels

CONFIG = DistillationConfig(log_std_weight=0.2)


def column(*values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[:, None]


def labels(mu, log_std, labelled) -> ExpertLabels:
    return ExpertLabels(column(*mu), column(*log_std), torch.tensor(labelled))


def loss_of(name, mean, log_std, given) -> float:
    return LOSSES[name](column(*mean), column(*log_std), given, CONFIG)[0].item()


@pytest.mark.parametrize(
    ("log_std", "expert", "labelled", "expected"),
    [
        (-1.0, -4.0, True, 0.16 + 0.2 * 9.0 * 2 / 4),
        (-1.0, -1.5, True, 0.16 + 0.2 * 0.25),  # -ls_E below 2: the weight stays 1
        (-1.0, -4.0, False, 0.16),
    ],
)
def test_the_reference_loss_is_two_squared_errors(log_std, expert, labelled, expected):
    given = labels([0.1], [expert], [labelled])
    assert loss_of("reference", [math.atanh(0.5)], [log_std], given) == pytest.approx(expected, rel=1e-5)


def test_the_reference_loss_is_a_mean_over_all_rows_and_dimensions():
    given = ExpertLabels(torch.zeros(2, 2), torch.full((2, 2), -1.0), torch.tensor([True, False]))
    mean = torch.atanh(torch.tensor([[0.5, 0.0], [0.0, 0.1]]))
    loss, parts = LOSSES["reference"](mean, torch.zeros(2, 2), given, CONFIG)
    assert loss.item() == pytest.approx((0.25 + 0.01 + 0.2 * 2.0) / 4, rel=1e-5)
    assert parts["mu"].item() == pytest.approx(0.26 / 4, rel=1e-5)
    assert parts["log_std"].item() == pytest.approx(0.5, rel=1e-5)


def test_the_divergence_is_that_of_two_gaussians():
    given = labels([math.tanh(1.0)], [-1.0], [True])
    by_hand = 1.0 + (math.exp(-2.0) + 1.0) / 2 - 0.5  # ls - ls_E = 1, both variances and the distance over 2
    assert loss_of("kl", [0.0], [0.0], given) == pytest.approx(by_hand, rel=1e-5)
    assert loss_of("kl", [1.0], [-1.0], given) == pytest.approx(0.0, abs=1e-6)


def test_the_divergence_sums_dimensions_and_falls_back_to_squared_errors():
    given = ExpertLabels(
        torch.tensor([[math.tanh(1.0), 0.0], [0.5, 0.1]]), torch.zeros(2, 2), torch.tensor([True, False])
    )
    loss, _ = LOSSES["kl"](torch.zeros(2, 2), torch.zeros(2, 2), given, CONFIG)
    assert loss.item() == pytest.approx((0.5 + 0.26) / 2, rel=1e-5)


def test_the_likelihood_knows_the_squashing():
    before = math.atanh(0.5)
    by_hand = 0.5 * before**2 + 0.5 * math.log(2 * math.pi) + math.log(1 - 0.25)
    assert loss_of("nll", [0.0], [0.0], labels([0.5], [0.0], [False])) == pytest.approx(by_hand, rel=1e-5)


def test_the_squashed_density_integrates_to_one():
    actions = torch.linspace(-0.998, 0.998, 20_001)
    densities = [
        math.exp(-loss_of("nll", [0.3], [-0.5], labels([action], [0.0], [False])))
        for action in actions[::100].tolist()
    ]
    assert sum(densities) * (actions[100] - actions[0]).item() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("name", ["kl", "nll"])
def test_a_saturated_label_asks_for_a_finite_mean(name):
    at_limit = loss_of(name, [0.5], [-1.0], labels([LABEL_LIMIT], [-1.0], [True]))
    assert loss_of(name, [0.5], [-1.0], labels([1.0], [-1.0], [True])) == at_limit
    assert math.isfinite(at_limit)


@pytest.mark.parametrize("name", ["reference", "kl", "nll"])
def test_a_spread_that_nobody_labelled_reaches_neither_loss_nor_gradient(name):
    gradients = []
    for unknown in (float("nan"), -3.0):
        mean, log_std = (torch.full((2, 1), 0.3, requires_grad=True) for _ in range(2))
        loss, _ = LOSSES[name](mean, log_std, labels([0.2, -0.4], [unknown, -2.0], [False, True]), CONFIG)
        loss.backward()
        gradients.append(torch.cat([mean.grad, log_std.grad]))
    assert torch.isfinite(gradients[0]).all()
    assert torch.equal(*gradients)
    assert (gradients[0] != 0).any()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("loss", "mse"), ("log_std_weight", -1.0), ("log_std_weight", float("nan")), ("start", "hot")],
)
def test_a_setting_out_of_range_is_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must be"):
        DistillationConfig(**{setting: value})
