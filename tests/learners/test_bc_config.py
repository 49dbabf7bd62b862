"""Every setting out of its range is named with its value and what is allowed."""

from __future__ import annotations

import pytest

from potstill.learners.bc.config import BcConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("loss", "huber"), ("optimiser", "sgd"), ("start", "cold"), ("device", "tpu"), ("precision", "int8"),
        ("batch_size", 0), ("learning_rate", 0.0), ("learning_rate", float("nan")), ("warmup_steps", -1),
        ("weight_decay", -0.1), ("gradient_clip", 0.0), ("ema_decay", 1.0), ("random_shift", -1),
        ("explosion_ratio", 1.0), ("report_every_steps", 0), ("checkpoint_every_steps", 0),
        ("gradient_steps", 0),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named_with_its_value(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be .*: got .*{value}"):
        BcConfig(**{name: value})


@pytest.mark.parametrize("both", [{"epochs": 3}, {"gradient_steps": None}])
def test_exactly_one_of_epochs_and_steps_is_given(both):
    with pytest.raises(ValueError, match="give one of epochs and gradient_steps"):
        BcConfig(**both)
