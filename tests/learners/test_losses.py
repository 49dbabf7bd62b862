"""Every loss equals a number worked out by hand and moves the parameters it should."""

from __future__ import annotations

import math

import pytest
import torch

from potstill.learners.bc.losses import LOSSES, gaussian_nll, l2_norm, mean_squared_error
from potstill.policies.observation_shape import ObservationShape
from potstill.policies.pixel_policy import PixelPolicy, PolicyOutput
from potstill.policies.pixel_policy_config import PixelPolicyConfig

MEAN = torch.tensor([[0.0, 0.0], [1.0, 0.5]])
LABEL = torch.tensor([[0.3, 0.4], [1.0, -0.5]])
ONES = torch.ones(2)
DOUBLE = torch.tensor([2.0, 1.0])


def test_the_squared_error_is_the_mean_over_samples_and_dimensions():
    # sample 1: (0.09 + 0.16) / 2 = 0.125; sample 2: (0 + 1) / 2 = 0.5
    assert mean_squared_error(PolicyOutput(MEAN, None), LABEL, ONES)[0].item() == pytest.approx(0.3125)
    assert mean_squared_error(PolicyOutput(MEAN, None), LABEL, DOUBLE)[0].item() == pytest.approx(0.25)


def test_the_norm_is_not_squared():
    # sample 1: sqrt(0.25) = 0.5; sample 2: sqrt(1) = 1
    assert l2_norm(PolicyOutput(MEAN, None), LABEL, ONES)[0].item() == pytest.approx(0.75)
    assert l2_norm(PolicyOutput(MEAN, None), LABEL, DOUBLE)[0].item() == pytest.approx(2 / 3)


def test_the_norm_has_a_finite_gradient_where_the_label_is_met():
    mean = LABEL.clone().requires_grad_()
    l2_norm(PolicyOutput(mean, None), LABEL, ONES)[0].backward()
    assert torch.isfinite(mean.grad).all()


def test_the_likelihood_is_the_gaussians():
    log_std = torch.tensor([[0.0, 0.0], [math.log(2.0), 0.0]])
    # sample 1: 0.5 * 0.25 + ln(2 pi); sample 2: 0.5 * 1 + ln 2 + ln(2 pi)
    expected = (0.125 + 0.5 + math.log(2.0)) / 2 + math.log(2 * math.pi)
    loss, parts = gaussian_nll(PolicyOutput(MEAN, log_std), LABEL, ONES)
    assert loss.item() == pytest.approx(expected)
    assert parts["std"].item() == pytest.approx((1 + 1 + 2 + 1) / 4)


def test_the_likelihood_needs_a_gaussian_head():
    with pytest.raises(ValueError, match="'nll' needs policy.head 'gaussian'"):
        gaussian_nll(PolicyOutput(MEAN, None), LABEL, ONES)


@pytest.mark.parametrize(
    ("name", "head"), [("mse", "deterministic"), ("l2", "deterministic"), ("nll", "gaussian")]
)
def test_every_parameter_receives_a_gradient(name, head):
    policy = small_policy(head)
    frames, proprio = torch.randint(0, 256, (4, 1, 2, 16, 16, 3), dtype=torch.uint8), torch.randn(4, 1, 4)
    LOSSES[name](policy(frames, proprio), torch.rand(4, 3), torch.ones(4))[0].backward()
    without = [n for n, p in policy.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_losses_on_the_mean_leave_the_standard_deviation_alone():
    policy = small_policy("gaussian")
    frames, proprio = torch.zeros(4, 1, 2, 16, 16, 3, dtype=torch.uint8), torch.randn(4, 1, 4)
    mean_squared_error(policy(frames, proprio), torch.rand(4, 3), torch.ones(4))[0].backward()
    assert policy.head.weight.grad[:3].abs().sum() > 0
    assert policy.head.weight.grad[3:].abs().sum() == 0


def small_policy(head: str) -> PixelPolicy:
    torch.manual_seed(0)
    config = PixelPolicyConfig(channels=8, features=16, hidden=(32,), head=head)
    return PixelPolicy(config, ObservationShape(cameras=2, height=16, width=16, proprio=4, actions=3))
