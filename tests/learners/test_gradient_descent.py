"""Gradient steps: the schedule, the clip, and a state that continues to the bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from potstill.learners.gradient_descent import GradientDescent

SETTINGS = {"learning_rate": 0.1, "warmup_steps": 4, "weight_decay": 0.0, "gradient_clip": 1e6}


def networks(seed=0):
    torch.manual_seed(seed)
    return {"body": nn.Linear(3, 5), "head": nn.Linear(5, 1)}


def loss_of(modules, number):
    x = torch.from_numpy(np.random.default_rng(number).normal(size=(8, 3)).astype(np.float32))
    return (modules["head"](torch.tanh(modules["body"](x))) - x.sum(1, keepdim=True)).square().mean()


@pytest.fixture(autouse=True)
def keep_torchs_generator():
    with torch.random.fork_rng(devices=[]):
        yield


def test_the_rate_rises_linearly_and_falls_to_nothing_by_a_cosine():
    descent = GradientDescent(networks(), total_steps=100, **SETTINGS)
    assert descent.learning_rate(0) == pytest.approx(0.1 / 5)
    assert descent.learning_rate(3) == pytest.approx(0.1 * 4 / 5 * 0.5 * (1 + math.cos(math.pi * 0.03)))
    assert descent.learning_rate(50) == pytest.approx(0.05)
    assert descent.learning_rate(100) == pytest.approx(0.0)


def test_a_step_is_that_of_torchs_own_optimiser_at_the_rate_of_its_number():
    mine, theirs = networks(), networks()
    descent = GradientDescent(mine, total_steps=50, **SETTINGS)
    parameters = [p for module in theirs.values() for p in module.parameters()]
    plain = torch.optim.AdamW(parameters, lr=1.0, weight_decay=0.0)
    for number in range(10):
        descent.descend(loss_of(mine, number), number)
        plain.param_groups[0]["lr"] = descent.learning_rate(number)
        plain.zero_grad()
        loss_of(theirs, number).backward()
        plain.step()
    for name in mine:
        torch.testing.assert_close(mine[name].state_dict(), theirs[name].state_dict())


def test_a_long_gradient_is_clipped_over_all_modules_together():
    modules = networks()
    descent = GradientDescent(modules, total_steps=10, **(SETTINGS | {"gradient_clip": 0.01}))
    descent.descend(1000 * loss_of(modules, 0), 0)
    squares = [p.grad.square().sum() for module in modules.values() for p in module.parameters()]
    assert math.sqrt(sum(squares)) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("optimiser", ["adamw", "adam"])
def test_from_its_state_it_goes_on_to_the_same_bits(optimiser):
    whole, first, second = networks(), networks(), networks(seed=9)
    settings = SETTINGS | {"optimiser": optimiser, "weight_decay": 0.01}
    descents = [GradientDescent(modules, total_steps=20, **settings) for modules in (whole, first, second)]
    for number in range(20):
        descents[0].descend(loss_of(whole, number), number)
    for number in range(7):
        descents[1].descend(loss_of(first, number), number)
    descents[2].restore({name: array.copy() for name, array in descents[1].state().items()} | {"other.x": 0})
    for number in range(7, 20):
        descents[2].descend(loss_of(second, number), number)
    states = [descent.state() for descent in (descents[0], descents[2])]
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


def test_frozen_parameters_stay_as_they_are():
    modules = networks()
    modules["body"].requires_grad_(False)
    before = modules["body"].weight.clone()
    descent = GradientDescent(modules, total_steps=5, **(SETTINGS | {"weight_decay": 0.5}))
    for number in range(5):
        descent.descend(loss_of(modules, number), number)
    assert torch.equal(modules["body"].weight, before)


@pytest.mark.parametrize("name", ["optimiser", "a.b"])
def test_a_name_that_would_mix_up_the_arrays_is_refused(name):
    with pytest.raises(ValueError, match="names of modules"):
        GradientDescent({name: nn.Linear(1, 1)}, total_steps=5, **SETTINGS)
