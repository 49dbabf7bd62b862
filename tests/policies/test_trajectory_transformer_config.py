"""Sizes that cannot be are refused by name."""

from __future__ import annotations

import pytest

from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [("window", 1), ("width", 2), ("layers", 0), ("heads", 0), ("feedforward", 1), ("dropout", 1.0)]
    + [("dropout", float("nan")), ("code_size", 0)],
)
def test_a_value_out_of_its_range_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"{name} must be in .*: got {value}"):
        TrajectoryTransformerConfig(**{name: value})


def test_heads_must_share_the_width_evenly():
    with pytest.raises(ValueError, match="width must be a multiple of heads: got 30 and 8"):
        TrajectoryTransformerConfig(width=30)
