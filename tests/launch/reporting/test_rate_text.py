from __future__ import annotations

from potstill.launch.reporting.rate_text import rate_text


def test_a_rate_is_told_with_its_interval_and_number():
    entry = {"success_rate": 0.96, "success_ci95": [0.8654, 0.9889], "eval_episodes": 50}
    assert rate_text(entry) == "0.96 [0.87, 0.99] of 50"


def test_without_episodes_there_is_no_rate():
    assert (
        rate_text({"success_rate": None, "success_ci95": [0.0, 1.0], "eval_episodes": 0}) == "not evaluated"
    )
