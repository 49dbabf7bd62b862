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


def advised_batch(seed=0, rows=32):
    """``batch`` with a teacher's mean and standard deviation at s and at s'."""
    draw = torch.Generator().manual_seed(seed + 100)
    means = torch.rand(2, rows, 2, generator=draw) * 2 - 1
    std = torch.full((rows, 2), 0.5)
    return batch(seed, rows) | {"advice": torch.cat([means[0], std, means[1], std], dim=-1)}


def test_with_a_potential_the_critics_loss_is_that_of_the_shaped_reward():
    """gamma Phi(s', a') - Phi(s, a) added to the reward, computed here from the formulas of SAC alone."""
    nets, data, config = networks(), advised_batch(), SacConfig(discount=0.9)
    before = copy.deepcopy(nets)
    loss = SacUpdater(nets, config, seed=7, potential_weight=2.0).update(data)["critic_loss"]
    now_mean, std, next_mean, _ = data["advice"].chunk(4, dim=-1)
    with torch.no_grad():
        noise = torch.empty(32, 2).normal_(generator=torch.Generator().manual_seed(7))
        chosen, log_density = before.actor.sample(data["next_observation"], noise)
        value = before.target_critic(data["next_observation"], chosen).amin(0) - 0.2 * log_density
        phi = 2.0 * torch.exp(-(((data["action"] - now_mean) / std) ** 2).sum(-1) / 2)
        next_phi = 2.0 * torch.exp(-(((chosen - next_mean) / std) ** 2).sum(-1) / 2)
        target = data["reward"] + 0.9 * next_phi - phi + 0.9 * value
        q = before.critic(data["observation"], data["action"])
        expected = ((q[0] - target) ** 2).mean() + ((q[1] - target) ** 2).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_with_a_potential_values_stay_what_they_are():
    """The known problem above: critics and potential together tend to the same 2."""
    nets = networks(layer_norm=False)
    config = SacConfig(
        discount=0.5, tau=0.1, critic_learning_rate=3e-3, initial_alpha=1e-6, alpha_learning_rate=0.0
    )
    nets.log_alpha.data.fill_(-14.0)
    updater = SacUpdater(nets, config, seed=0, potential_weight=3.0)
    still = {"reward": torch.ones(32)} | {
        name: torch.zeros(32, 5) for name in ("observation", "next_observation")
    }
    data = advised_batch() | still
    mean = torch.full((32, 2), 0.3)
    data["advice"] = torch.cat([mean, torch.ones(32, 2), mean, torch.ones(32, 2)], dim=-1)
    first = updater.update(data)["q_mean"].item()
    for _ in range(900):
        metrics = updater.update(data)
    assert first < 1.9 or first > 2.1
    assert metrics["q_mean"].item() == pytest.approx(2.0, abs=0.1)


def test_with_a_potential_the_actor_is_led_to_the_teachers_action_before_the_critics_know_anything():
    nets = networks()
    config = SacConfig(
        actor_every=1, actor_learning_rate=1e-2, critic_learning_rate=1e-9, initial_alpha=1e-6,
        alpha_learning_rate=0.0,
    )  # fmt: skip
    nets.log_alpha.data.fill_(-14.0)
    data = advised_batch()
    mean = torch.tensor([0.4, -0.3]).expand(32, 2)
    data["advice"] = torch.cat([mean, torch.full((32, 2), 0.5)] * 2, dim=-1)
    updater = SacUpdater(nets, config, seed=0, potential_weight=20.0)
    for _ in range(150):
        updater.update(data)
    chosen = torch.tanh(nets.actor(data["observation"])[0]).mean(0)
    assert chosen.tolist() == pytest.approx([0.4, -0.3], abs=0.1)
