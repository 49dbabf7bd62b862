from __future__ import annotations

import copy

import pytest
import torch

from potstill.learners.sac.config import SacConfig
from potstill.learners.sac.sac_updater import SacUpdater
from potstill.policies.sac_networks import SacNetworks


def networks(seed=0, *, layer_norm=True):
    torch.manual_seed(seed)
    return SacNetworks(5, 2, hidden=(16, 16), layer_norm=layer_norm, log_std_min=-5.0, initial_alpha=0.2)


def batch(seed=0, rows=32):
    draw = torch.Generator().manual_seed(seed)
    return {
        "observation": torch.randn(rows, 5, generator=draw),
        "next_observation": torch.randn(rows, 5, generator=draw),
        "action": torch.rand(rows, 2, generator=draw) * 2 - 1,
        "reward": torch.rand(rows, generator=draw),
        "terminated": torch.zeros(rows),
    }


def weights(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(before, module):
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


def test_the_actor_and_the_temperature_move_only_at_every_second_update():
    nets = networks()
    updater = SacUpdater(nets, SacConfig(actor_every=2), seed=0)
    updater.update(batch())
    before = weights(nets)
    second = updater.update(batch(1))
    names = moved(before, nets)
    assert not any(name.startswith("actor") or name == "log_alpha" for name in names)
    assert "actor_loss" not in second
    third = updater.update(batch(2))
    assert {"actor_loss", "alpha", "entropy"} <= set(third)
    assert any(name.startswith("actor") for name in moved(before, nets))


def test_the_target_moves_by_tau_towards_the_critic():
    nets = networks()
    updater = SacUpdater(nets, SacConfig(tau=0.25, target_every=1), seed=0)
    old = weights(nets.target_critic)
    updater.update(batch())
    for name, tensor in nets.target_critic.state_dict().items():
        torch.testing.assert_close(tensor, 0.75 * old[name] + 0.25 * nets.critic.state_dict()[name])


def test_the_actors_update_leaves_the_critic_alone():
    plain, frozen = networks(), networks()
    frozen.load_state_dict(plain.state_dict())
    SacUpdater(plain, SacConfig(actor_every=1), seed=0).update(batch())
    lazy = SacUpdater(frozen, SacConfig(actor_every=100), seed=0)
    lazy.updates = 1  # the update without an actor
    lazy.update(batch())
    assert all(
        torch.equal(a, b) for a, b in zip(plain.critic.parameters(), frozen.critic.parameters(), strict=True)
    )


def test_an_interrupted_updater_goes_on_to_the_same_bits():
    straight = networks()
    updater = SacUpdater(straight, SacConfig(), seed=3)
    for index in range(3):
        updater.update(batch(index))
    middle, state = copy.deepcopy(straight), copy.deepcopy(updater.state_dict())
    resumed = SacUpdater(middle, SacConfig(), seed=99)
    resumed.load_state_dict(state)
    for index in range(3, 6):
        updater.update(batch(index))
        resumed.update(batch(index))
    assert resumed.updates == updater.updates == 6
    assert all(
        torch.equal(tensor, middle.state_dict()[name]) for name, tensor in straight.state_dict().items()
    )


def test_values_of_a_known_problem_are_learned():
    """One state, reward 1 for ever, a fixed tiny temperature: Q tends to 1 / (1 - 0.5) = 2."""
    nets = networks(layer_norm=False)
    config = SacConfig(
        discount=0.5, tau=0.1, critic_learning_rate=3e-3, initial_alpha=1e-6, alpha_learning_rate=0.0
    )
    nets.log_alpha.data.fill_(-14.0)
    updater = SacUpdater(nets, config, seed=0)
    data = batch() | {
        "reward": torch.ones(32),
        "observation": torch.zeros(32, 5),
        "next_observation": torch.zeros(32, 5),
    }
    for _ in range(600):
        metrics = updater.update(data)
    assert metrics["q_mean"].item() == pytest.approx(2.0, abs=0.1)


def test_the_temperature_stays_where_its_learning_rate_is_zero():
    nets = networks()
    before = nets.log_alpha.item()
    updater = SacUpdater(nets, SacConfig(alpha_learning_rate=0.0, actor_every=1), seed=0)
    updater.update(batch())
    assert nets.log_alpha.item() == before
