"""The module that RLlib moves between learner and runners."""

from __future__ import annotations

import torch


def test_runners_get_the_actor_alone(tiny_expert):
    config = tiny_expert(seed=4)
    spec = config.get_default_rl_module_spec()
    full = spec.build()
    acting = config.get_rl_module_spec(inference_only=True).build()
    sent = full.get_state(inference_only=True)
    assert sent.keys() == acting.state_dict().keys()
    assert all(name.startswith("networks.actor.") for name in sent)
    with torch.no_grad():
        for parameter in full.parameters():
            parameter.add_(0.1)
    observation = {"obs": torch.ones(3, 39)}
    assert not torch.equal(*(m.forward_inference(observation)["actions"] for m in (full, acting)))
    acting.set_state(full.get_state(inference_only=True))
    assert torch.equal(*(m.forward_inference(observation)["actions"] for m in (full, acting)))


def test_exploration_is_random_and_inference_is_not(tiny_expert):
    module = tiny_expert().get_default_rl_module_spec().build()
    observation = {"obs": torch.ones(5, 39)}
    first, second = (module.forward_exploration(observation)["actions"] for _ in range(2))
    assert first.shape == (5, 4) and not torch.equal(first, second) and first.abs().max() < 1.0
    assert torch.equal(*(module.forward_inference(observation)["actions"] for _ in range(2)))


def test_the_seed_alone_decides_the_weights_and_nothing_global_is_drawn(tiny_expert):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first, again, other = (
        tiny_expert(seed=seed).get_default_rl_module_spec().build().state_dict() for seed in (1, 1, 2)
    )
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[name], again[name]) for name in first)
    name = "networks.actor.trunk.0.weight"
    assert not torch.equal(first[name], other[name])
