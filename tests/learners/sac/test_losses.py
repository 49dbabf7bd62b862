from __future__ import annotations

import math

import pytest
import torch

from potstill.learners.sac.losses import (
    actor_loss,
    bellman_target,
    critic_loss,
    soft_value,
    temperature_loss,
)

Q = torch.tensor([[1.0, 4.0], [2.0, 3.0]])
LOG_DENSITY = torch.tensor([-1.0, 2.0])
ALPHA = torch.tensor(0.5)


def test_the_soft_value_is_the_smaller_twin_minus_the_weighted_log_density():
    assert soft_value(Q, LOG_DENSITY, ALPHA).tolist() == [1.0 + 0.5, 3.0 - 1.0]


def test_the_target_discounts_the_next_value_unless_the_episode_terminated():
    target = bellman_target(
        torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]), torch.tensor([10.0, 10.0]), discount=0.9
    )
    assert target.tolist() == [10.0, 1.0]


def test_the_critic_loss_is_the_sum_of_both_mean_squared_errors():
    # twin 1: ((1-2)^2 + (4-2)^2)/2 = 2.5; twin 2: (0 + 1)/2 = 0.5
    assert critic_loss(Q, torch.tensor([2.0, 2.0])).item() == 3.0


def test_the_actor_loss_is_minus_the_mean_soft_value():
    assert actor_loss(Q, LOG_DENSITY, ALPHA).item() == pytest.approx(-(1.5 + 2.0) / 2)


def test_the_temperature_loss_by_hand():
    # alpha * mean(-log pi - H) = 0.5 * mean(1 + 4, -2 + 4) = 0.5 * 3.5
    loss = temperature_loss(torch.tensor(math.log(0.5)), LOG_DENSITY, target_entropy=-4.0)
    assert loss.item() == pytest.approx(1.75)


def test_the_temperature_falls_while_the_policy_is_more_random_than_its_target_and_rises_otherwise():
    for entropy, sign in ((-3.0, 1.0), (-5.0, -1.0)):
        log_alpha = torch.zeros((), requires_grad=True)
        temperature_loss(log_alpha, torch.full((4,), -entropy), target_entropy=-4.0).backward()
        assert math.copysign(1.0, log_alpha.grad.item()) == sign
