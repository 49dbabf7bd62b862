from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.policies.batched_inference import BatchedInference
from potstill.policies.pixel_export import PixelExport


@pytest.mark.parametrize("choices", [{}, {"frame_stack": 3}, {"head": "gaussian"}, {"encoder": "none"}])
def test_its_action_is_the_students(make_policy, choices):
    policy = make_policy(**choices)
    policy.set_normaliser(torch.arange(4.0), torch.full((4,), 3.0))
    module = PixelExport(policy)
    inputs = module.examples(np.random.default_rng(1), 5)
    outputs = module.act(inputs)
    size = (5, policy.config.frame_stack, 2, 32, 32, 3)
    frames = inputs.get("frames", np.zeros(size, np.uint8))
    wanted = BatchedInference(policy, version="v").act(frames, inputs["proprio"])
    assert np.abs(outputs["action"] - wanted).max() < 1e-6
    assert outputs.keys() == ({"action", "log_std"} if "head" in choices else {"action"})


def test_a_student_without_eyes_asks_for_no_pictures(make_policy):
    assert list(PixelExport(make_policy(encoder="none")).interface()["inputs"]) == ["proprio"]


def test_it_says_what_it_must_be_shown(make_policy):
    module = PixelExport(make_policy(frame_stack=2))
    facts = module.facts()
    assert facts["cameras"] == {"count": 2, "height": 32, "width": 32}
    assert (facts["action_size"], facts["frame_stack"]) == (3, 2)
    assert facts["observation_layout"].startswith("hand xyz m")
    assert module.interface()["inputs"]["frames"] == {"shape": ["batch", 2, 2, 32, 32, 3], "dtype": "uint8"}
