from __future__ import annotations

import math

import torch
from torch.distributions import Normal, TanhTransform, TransformedDistribution

from potstill.policies.gaussian_actor import GaussianActor, squashed_log_density


def actor(log_std_min=-5.0):
    torch.manual_seed(0)
    return GaussianActor(6, 3, hidden=(16, 16), log_std_min=log_std_min)


def test_a_sample_is_the_squashed_mean_plus_scaled_noise():
    policy, states = actor(), torch.randn(5, 6)
    mean, log_std = policy(states)
    noise = torch.randn(5, 3)
    action, _ = policy.sample(states, noise)
    torch.testing.assert_close(action, torch.tanh(mean + log_std.exp() * noise))


def test_the_density_is_that_of_torchs_squashed_normal():
    policy, states, noise = actor(), torch.randn(7, 6), torch.randn(7, 3)
    mean, log_std = policy(states)
    action, density = policy.sample(states, noise)
    reference = TransformedDistribution(Normal(mean, log_std.exp()), TanhTransform())
    torch.testing.assert_close(density, reference.log_prob(action).sum(-1), rtol=1e-4, atol=1e-4)


def test_the_density_of_one_action_by_hand():
    # u = 0.5 from mean 0, sigma 1: log N = -0.125 - 0.9189385; log(1 - tanh(0.5)^2) = log(0.7864477)
    before = noise = torch.tensor([[0.5]])
    by_hand = -0.125 - 0.5 * math.log(2 * math.pi) - math.log(1 - math.tanh(0.5) ** 2)
    assert squashed_log_density(before, noise, torch.zeros(1, 1)).item() == torch.tensor(by_hand).item()


def test_the_density_stays_finite_where_tanh_saturates():
    before = torch.tensor([[30.0], [-30.0]])
    assert torch.isfinite(squashed_log_density(before, torch.zeros(2, 1), torch.zeros(2, 1))).all()


def test_the_log_standard_deviation_keeps_its_bounds():
    policy = actor(log_std_min=-3.0)
    _, log_std = policy(torch.randn(100, 6) * 1e4)
    assert log_std.min() >= -3.0
    assert log_std.max() <= 2.0
    assert log_std.min() < -2.9 and log_std.max() > 1.9
