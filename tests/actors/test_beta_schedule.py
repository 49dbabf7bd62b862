from __future__ import annotations

import pytest

from potstill.actors.beta_schedule import BetaSchedule


@pytest.mark.parametrize(
    ("schedule", "betas"),
    [
        (BetaSchedule(), [1.0, 0.0, 0.0, 0.0, 0.0]),
        (BetaSchedule(kind="const", value=0.3), [1.0, 0.3, 0.3, 0.3, 0.3]),
        (BetaSchedule(kind="linear", rampdown_rounds=4), [1.0, 0.75, 0.5, 0.25, 0.0]),
        (BetaSchedule(kind="linear", rampdown_rounds=1), [1.0, 0.0, 0.0, 0.0, 0.0]),
        (BetaSchedule(kind="exponential", value=0.5), [1.0, 0.5, 0.25, 0.125, 0.0625]),
    ],
    ids=["default", "const", "linear", "linear_at_once", "exponential"],
)
def test_betas_are_the_ones_computed_by_hand(schedule, betas):
    assert [schedule.beta(index) for index in range(5)] == pytest.approx(betas, abs=1e-12)


@pytest.mark.parametrize("schedule", [BetaSchedule(kind=kind) for kind in ("const", "linear", "exponential")])
def test_the_bootstrap_round_is_the_teachers_under_any_schedule(schedule):
    assert schedule.beta(0) == 1.0


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"value": 1.1}, "1.1"), ({"value": -0.1}, "-0.1"), ({"rampdown_rounds": 0}, "at least 1: got 0")],
)
def test_an_impossible_schedule_is_refused_by_name(settings, word):
    (key,) = settings
    with pytest.raises(ValueError, match=f"{key}.*{word}"):
        BetaSchedule(**settings)
