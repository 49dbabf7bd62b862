from __future__ import annotations

import re

import pytest

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.render_config import RenderConfig


@pytest.mark.parametrize(
    "change, message",
    [
        ({"steps": 0}, "steps must be in 1..100: got 0"),
        ({"steps": 51}, "steps must be in 1..50 with sampler lcm: got 51"),
        ({"guidance": 0.5}, "guidance must be in 1..20: got 0.5"),
        ({"control_scale": float("nan")}, "control_scale must be in 0..2: got nan"),
        ({"mask_growth": -1}, "mask_growth must be in 0..64: got -1"),
        ({"size": 8}, "size must be in 16..1024: got 8"),
        ({"batch": 0}, "batch must be in 1..256: got 0"),
        ({"model": ""}, "model must be a folder or a name: got an empty text"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda: got 'tpu'"),
        ({"dtype": "float16", "device": "cpu"}, "dtype must be float32 on a CPU"),
        ({"pinned": "abc"}, "pinned must be a sha256 (it is filled in by potstill): got 'abc'"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        DiffusionConfig(**change)


def test_only_the_painter_diffusion_has_a_generator_and_it_takes_prompts():
    assert RenderConfig(painter="diffusion").generator == DiffusionConfig()
    assert RenderConfig(painter="diffusion").takes_prompts
    assert RenderConfig(painter="procedural").generator is None
