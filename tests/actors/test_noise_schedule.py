from __future__ import annotations

import pytest

from potstill.actors.noise_schedule import NoiseSchedule


@pytest.mark.parametrize(
    ("progress", "sigma"),
    [
        (0.0, 1.0),
        (0.1999, 1.0),
        (0.2, 1.0),
        (0.45, 0.6),
        (0.575, 0.4),
        (0.6999, 0.2),
        (0.7, 0.0),
        (0.99, 0.0),
    ],
)
def test_a_fifth_is_high_then_it_falls_in_a_line_and_the_last_third_is_clean(progress, sigma):
    assert NoiseSchedule(sigma_hi=1.0, sigma_lo=0.2).sigma(progress) == pytest.approx(sigma, abs=1e-3)


@pytest.mark.parametrize(("high", "low"), [(0.1, 0.2), (2.1, 0.1), (0.5, -0.1)])
def test_levels_that_rise_or_leave_their_range_are_refused(high, low):
    with pytest.raises(ValueError, match="sigma_lo must be"):
        NoiseSchedule(sigma_hi=high, sigma_lo=low)
