from __future__ import annotations

import pytest

from potstill.actors.rollout_config import RolloutConfig


@pytest.mark.parametrize(
    ("key", "value"), [("max_steps", 0), ("max_steps", 501), ("hold_steps", -1), ("batch", 0), ("batch", 257)]
)
def test_a_setting_out_of_range_is_refused_with_key_and_value(key, value):
    with pytest.raises(ValueError, match=f"{key} must be .*: got {value}"):
        RolloutConfig(**{key: value})
