"""The formulas of shaping against numbers computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from potstill.learners.sac.losses import bellman_target
from potstill.learners.sac.shaping import add_bonus, agreement, potential


def test_the_bonus_is_one_at_the_teachers_action_and_a_product_of_bumps_elsewhere():
    mean, std = torch.tensor([0.5, -0.5]), torch.tensor([0.2, 0.4])
    assert agreement(mean, mean, std) == 1.0
    # One standard deviation off in the first: e^(-1/2). Two in the second: e^(-2). Both: their product.
    actions = torch.tensor([[0.7, -0.5], [0.5, 0.3], [0.7, 0.3]])
    expected = [math.exp(-0.5), math.exp(-2.0), math.exp(-2.5)]
    assert agreement(actions, mean, std).tolist() == pytest.approx(expected, rel=1e-5)


def test_a_wider_sigma_hears_an_action_that_a_narrow_one_does_not():
    action, mean = torch.zeros(4), torch.full((4,), 0.3)
    assert agreement(action, mean, torch.full((4,), 1e-4)) == 0.0
    # Four dimensions, each 1.5 standard deviations off.
    assert agreement(action, mean, torch.full((4,), 0.2)).item() == pytest.approx(math.exp(-4.5), rel=1e-5)


def test_the_weighted_bonus_is_in_the_reward_and_so_in_the_target():
    minibatches = {
        "reward": np.array([[1.0, 2.0], [3.0, 4.0]], np.float32),
        "advice": np.array([[[1.0], [0.5]], [[0.0], [0.25]]], np.float32),
        "terminated": np.zeros((2, 2), np.float32),
    }
    shaped = add_bonus(minibatches, 0.4)
    assert shaped["reward"].tolist() == [
        pytest.approx([1.4, 2.2]),
        pytest.approx([3.0, 4.1]),
    ]
    assert shaped["reward"].dtype == np.float32 and "advice" not in shaped
    assert minibatches["reward"][0, 0] == 1.0, "the replay's own rewards stay as they are"
    reward, terminated = (torch.from_numpy(shaped[name][0]) for name in ("reward", "terminated"))
    target = bellman_target(reward, terminated, torch.tensor([10.0, 20.0]), discount=0.5)
    assert target.tolist() == pytest.approx([1.4 + 5.0, 2.2 + 10.0])


def test_a_weight_of_zero_leaves_the_rewards_as_they_are():
    reward = np.random.default_rng(0).random((3, 4), np.float32)
    shaped = add_bonus({"reward": reward, "advice": np.ones((3, 4, 1), np.float32)}, 0.0)
    assert np.array_equal(shaped["reward"], reward)


def advice(now, following):
    """Two actions; sigma 0.2 everywhere."""
    std = torch.full_like(now, 0.2)
    return torch.cat([now, std, following, std], dim=-1)


def test_the_potential_knows_now_from_after():
    now, following = torch.tensor([[0.1, 0.1]]), torch.tensor([[-0.5, 0.7]])
    row = advice(now, following)
    assert potential(row, now, weight=3.0, after=False).tolist() == [3.0]
    assert potential(row, following, weight=3.0, after=True).tolist() == [3.0]
    # 3 and 3 standard deviations off.
    off = 3.0 * math.exp(-9.0)
    assert potential(row, following, weight=3.0, after=False).item() == pytest.approx(off, rel=1e-4)


def test_the_potential_pulls_an_action_towards_the_teachers():
    action = torch.tensor([[0.3, -0.2]], requires_grad=True)
    row = advice(torch.tensor([[0.1, 0.1]]), torch.zeros(1, 2))
    (gradient,) = torch.autograd.grad(potential(row, action, weight=2.0, after=False).sum(), action)
    # d Phi / d a = -Phi (a - mu) / sigma^2; off by 1 and 1.5 standard deviations.
    phi = 2.0 * math.exp(-0.5 - 1.125)
    assert gradient[0].tolist() == pytest.approx([-phi * 0.2 / 0.04, phi * 0.3 / 0.04], rel=1e-5)


def test_the_potentials_rewards_telescope_over_an_episode():
    discount, steps = 0.97, 100
    draw = torch.Generator().manual_seed(0)
    means, actions = (torch.rand(steps + 1, 2, generator=draw) * 0.4 for _ in range(2))
    rows = advice(means[:-1], means[1:])
    before = potential(rows, actions[:-1], weight=5.0, after=False).double()
    after = potential(rows, actions[1:], weight=5.0, after=True).double()
    shaping = discount * after - before
    total = (discount ** torch.arange(steps).double() * shaping).sum()
    assert total.item() == pytest.approx((discount**steps * after[-1] - before[0]).item(), abs=1e-6)
    assert shaping.abs().sum() > 10.0, "it is not nothing on the way"
