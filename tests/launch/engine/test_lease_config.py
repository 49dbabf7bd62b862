from __future__ import annotations

import pytest

from potstill.launch.engine.lease_config import LeaseConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lease_seconds", 0.9),
        ("lease_seconds", 3601.0),
        ("lease_seconds", float("nan")),
        ("max_attempts", 0),
        ("max_attempts", 101),
    ],
)
def test_a_delivery_that_cannot_be_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be in 1.*: got {value}"):
        LeaseConfig(**{name: value})
