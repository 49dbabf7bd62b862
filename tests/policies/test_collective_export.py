from __future__ import annotations

import numpy as np
import pytest

from potstill.experience.context_window import ContextWindows
from potstill.policies.collective_export import CollectiveExport
from potstill.policies.collective_inference import CollectiveInference


@pytest.mark.parametrize("context", ["code", "joint", "id", "zeros"])
def test_its_action_is_the_policys(make_collective, context):
    policy = make_collective(context)
    module = CollectiveExport(policy)
    inputs = module.examples(np.random.default_rng(1), 6)
    states, length = inputs["states"], policy.window
    windows = ContextWindows(
        states,
        inputs.get("actions", np.zeros((6, length - 1, 3), np.float32)),
        inputs.get("rewards", np.zeros((6, length - 1), np.float32)),
        inputs.get("valid", np.ones((6, length), bool)),
    )
    tasks = [policy.tasks[number] for number in inputs.get("task", np.zeros(6, int))]
    outputs = module.act(inputs)
    wanted = CollectiveInference(policy, version="v").act(windows, tasks)
    assert np.abs(outputs["action"] - wanted).max() < 1e-6
    assert np.allclose(np.tanh(outputs["mean"]), outputs["action"], atol=1e-6)
    assert outputs["log_std"].shape == (6, 3)


@pytest.mark.parametrize(
    ("context", "inputs"),
    [
        ("code", {"states", "actions", "rewards", "valid"}),
        ("joint", {"states", "actions", "rewards", "valid"}),
        ("id", {"states", "task"}),
        ("zeros", {"states"}),
    ],
)
def test_it_asks_for_what_its_context_reads(make_collective, context, inputs):
    assert set(CollectiveExport(make_collective(context)).interface()["inputs"]) == inputs


def test_it_names_window_and_tasks(make_collective):
    facts = CollectiveExport(make_collective("code", window=6)).facts()
    assert (facts["context"], facts["window"], facts["tasks"]) == ("code", 6, ["push-v3", "reach-v3"])
    assert facts["observation_layout"] == "unknown, 5 numbers"
