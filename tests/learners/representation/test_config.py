"""Settings that cannot be are refused by name."""

from __future__ import annotations

import pytest

from potstill.learners.representation.config import RepresentationConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [("mask_probability", 0.0), ("reconstruction_weight", -1.0), ("contrastive_weight", float("nan"))]
    + [("temperature", 0.0), ("dynamics_weight", -1.0), ("validation_batches", 0)]
    + [("robot_weight", -1.0), ("decoupling_weight", float("inf"))]
    + [("negatives", "some"), ("positives", "robot"), ("robot_loss", "mse")],
)
def test_a_value_out_of_its_range_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"{name} must be .*: got {value!r}"):
        RepresentationConfig(**{name: value})


def test_something_must_be_learned():
    with pytest.raises(ValueError, match="must be positive: got 0 for all"):
        RepresentationConfig(reconstruction_weight=0.0, contrastive_weight=0.0)
    assert RepresentationConfig(reconstruction_weight=0.0).contrastive_weight == 0.25


def test_codes_are_decoupled_only_from_a_code_that_there_is():
    with pytest.raises(ValueError, match=r"decoupling_weight must be 0 without a robot_weight: got 0\.1"):
        RepresentationConfig(decoupling_weight=0.1)
    assert RepresentationConfig(decoupling_weight=0.1, robot_weight=0.25).robot_loss == "contrast"
