"""Each context has its shape, and only what is to learn gets a gradient."""

from __future__ import annotations

import pytest
import torch

from potstill.policies.collective_policy_config import CollectivePolicyConfig
from potstill.policies.window_tensors import WindowTensors

CONTEXTS = ("code", "id", "zeros", "joint")
SIZES = {"code": 4, "id": 2, "zeros": 4, "joint": 4}


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_context_gives_a_gaussian_of_the_right_shape(make_collective, make_context_windows, context):
    policy = make_collective(context, log_std_min=-5.0)
    windows = WindowTensors.of(make_context_windows(7, policy.window))
    task = torch.tensor(policy.task_numbers(["reach-v3", "push-v3"] * 3 + ["reach-v3"]))
    assert policy.context(windows, task).shape == (7, SIZES[context])
    mean, log_std = policy(windows, task)
    assert mean.shape == log_std.shape == (7, 3)
    assert ((log_std >= -5.0) & (log_std <= 2.0)).all()
    assert policy.window == (6 if context in ("code", "joint") else 1)


@pytest.mark.parametrize("context", CONTEXTS)
def test_only_what_is_to_learn_gets_a_gradient(make_collective, make_context_windows, context):
    policy = make_collective(context).train()
    windows = WindowTensors.of(make_context_windows(7, policy.window))
    mean, log_std = policy(windows, torch.zeros(7, dtype=torch.int64))
    (mean.sum() + log_std.sum()).backward()
    learning = {name for name, tensor in policy.named_parameters() if tensor.grad is not None}
    assert {name for name, _ in policy.actor.named_parameters(prefix="actor")} <= learning
    below = {name for name in learning if name.startswith("transformer.")}
    if context == "joint":
        assert "transformer.code_head.weight" in below and "transformer.whole" in below
    else:
        assert not below


def test_a_frozen_transformer_never_leaves_evaluation(make_collective):
    assert not make_collective("code").train().transformer.training
    assert make_collective("joint").train().transformer.training


def test_the_id_is_the_place_of_the_task(make_collective, make_context_windows):
    policy = make_collective("id")
    windows = WindowTensors.of(make_context_windows(2, 1))
    context = policy.context(windows, torch.tensor(policy.task_numbers(["reach-v3", "push-v3"])))
    assert context.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    with pytest.raises(ValueError, match=r"tasks must be among .*door-open-v3"):
        policy.task_numbers(["door-open-v3"])
    assert make_collective("code").task_numbers(["door-open-v3"]) == [0]


def test_states_and_contexts_are_normalised(make_collective, make_context_windows):
    policy = make_collective("zeros")
    seen = []
    policy.actor.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    policy.set_state_normaliser(torch.arange(5.0), torch.tensor([2.0, 1.0, 0.0, 1.0, 1e-3]))
    policy.set_context_normaliser(torch.full((4,), -1.0), torch.full((4,), 2.0))
    policy.decide(torch.zeros(1, 4), torch.tensor([[1.0, 1.0, 5.0, 4.0, 5.0]]))
    assert seen[0].tolist() == [[0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 3.0, 1.0, 10.0]]


def test_the_context_of_a_row_is_seen_by_the_actor(make_collective, make_context_windows):
    policy = make_collective("code")
    windows, other = (WindowTensors.of(make_context_windows(3, seed=seed)) for seed in (0, 1))
    state = windows.states[:, -1]
    task = torch.zeros(3, dtype=torch.int64)
    mean, _ = policy(windows, task)
    assert torch.equal(mean, policy.decide(policy.context(windows, task), state)[0])
    assert not torch.equal(mean, policy.decide(policy.context(other, task), state)[0])


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_transformer_is_there_exactly_where_it_is_needed(make_collective, context):
    policy = make_collective(context)
    spare = make_collective("code").transformer
    sizes = {"state_size": 5, "action_size": 3, "tasks": ("a",), "code_size": 4}
    wrong = None if policy.config.reads_history else spare
    with pytest.raises(ValueError, match=f"context '{context}' needs"):
        type(policy)(policy.config, transformer=wrong, **sizes)
    if policy.config.reads_history:
        with pytest.raises(ValueError, match="code_size must be the transformer"):
            type(policy)(policy.config, transformer=spare, **(sizes | {"code_size": 5}))
    with pytest.raises(ValueError, match="tasks must be"):
        type(policy)(policy.config, transformer=policy.transformer, **(sizes | {"tasks": ("a", "a")}))


@pytest.mark.parametrize(
    ("setting", "value"), [("context", "name"), ("hidden", ()), ("hidden", (4,)), ("log_std_min", 1.0)]
)
def test_a_setting_out_of_range_is_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f"{setting} must"):
        CollectivePolicyConfig(**{setting: value})
