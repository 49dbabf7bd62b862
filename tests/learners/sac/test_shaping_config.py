from __future__ import annotations

import pytest

from potstill.learners.sac.shaping_config import ShapingConfig


def test_the_weight_falls_from_w0_at_t0_to_nothing_at_the_end():
    shaping = ShapingConfig(teacher="c", weight=2.0, start_step=8_000, end_step=108_000)
    steps = (0, 8_000, 33_000, 58_000, 108_000, 200_000)
    weights = [shaping.weight_at(step, random_steps=0) for step in steps]
    assert weights == [2.0, 2.0, 1.5, 1.0, 0.0, 0.0]


def test_the_end_of_the_random_decisions_is_t0_unless_it_is_set():
    shaping = ShapingConfig(teacher="c", end_step=10_000)
    assert shaping.weight_at(2_000, random_steps=2_000) == 1.0
    assert shaping.weight_at(6_000, random_steps=2_000) == 0.5
    assert ShapingConfig(start_step=0, end_step=10_000).weight_at(2_000, random_steps=2_000) == 0.8


def test_an_end_before_the_random_decisions_are_over_switches_off_at_once():
    shaping = ShapingConfig(teacher="c", end_step=1)
    assert [shaping.weight_at(step, random_steps=0) for step in (0, 1, 2)] == [1.0, 0.0, 0.0]
    assert shaping.weight_at(2_001, random_steps=2_000) == 0.0


def test_without_an_end_there_is_no_weight():
    with pytest.raises(ValueError, match="end_step must be set"):
        ShapingConfig(teacher="c").weight_at(0, random_steps=0)


def test_the_replay_keeps_what_the_form_needs():
    assert ShapingConfig().advice_size(4) == 0
    assert ShapingConfig(teacher="c").advice_size(4) == 1
    assert ShapingConfig(teacher="c", form="potential").advice_size(4) == 16


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"form": "both"}, "form must be one of bonus, potential: got 'both'"),
        ({"weight": 0.0}, r"weight must be in \(0, 10000\]: got 0.0"),
        ({"std_floor": 0.0}, r"std_floor must be in \(0, 10\]: got 0.0"),
        ({"start_step": -1}, r"start_step must be in 0..10\*\*9 or none: got -1"),
        ({"end_step": 0}, r"end_step must be in 1..10\*\*9 or none: got 0"),
        ({"start_step": 5, "end_step": 5}, "end_step must be above start_step: got 5 and 5"),
    ],
)
def test_a_bad_setting_is_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        ShapingConfig(**settings)
