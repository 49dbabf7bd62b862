from __future__ import annotations

from potstill.launch.reporting.settings_rows import settings_rows


def test_settings_are_rows_of_dotted_keys_in_order():
    config = {
        "seed": 1,
        "learner": {"training": {"rate": 0.1}, "loss": "kl"},
        "tasks": ["a", "b"],
        "none": None,
    }
    assert settings_rows(config) == [
        ("seed", "1"), ("learner.training.rate", "0.1"), ("learner.loss", "kl"), ("tasks", "a, b"), ("none", "None")
    ]  # fmt: skip
