from __future__ import annotations

import pytest

from potstill.learners.sac.config import SacConfig


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden", ()),
        ("hidden", (4,)),
        ("log_std_min", -21.0),
        ("batch_size", 4),
        ("update_ratio", 0.0),
        ("actor_every", 0),
        ("target_every", 101),
        ("tau", 1.5),
        ("discount", 1.0),
        ("actor_learning_rate", 0.0),
        ("alpha_learning_rate", -1e-4),
        ("initial_alpha", 0.0),
        ("replay_capacity", 10),
        ("demo_fraction", 1.1),
        ("demo_sigma", 0.0),
        ("action_repeat", 0),
        ("max_steps", 501),
        ("envs", 0),
        ("fragment", 0),
    ],
)
def test_a_value_outside_its_range_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"^{key} must "):
        SacConfig(**{key: value})
