from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metaworld.utils import reward_utils

from potstill.envs.fast_metaworld.fast_rewards import fast_rewards

DISTANCE = st.one_of(st.floats(-2, 2), st.sampled_from([0.0, 0.02, 0.05]))
MARGIN = st.one_of(st.just(0.0), st.floats(1e-9, 3))


@settings(max_examples=500, deadline=None)
@given(
    x=DISTANCE,
    lower=st.sampled_from([0.0, 0.01, 0.02]),
    width=st.sampled_from([0.0, 0.03, 0.05]),
    margin=MARGIN,
    kind=st.sampled_from([float, np.float64, np.array]),
    sigmoid=st.sampled_from(["long_tail", "gaussian", "reciprocal", "linear"]),
)
def test_tolerance_is_metaworlds_to_the_last_bit(x, lower, width, margin, kind, sigmoid) -> None:
    arguments = {"bounds": (lower, lower + width), "margin": margin, "sigmoid": sigmoid}
    ours, theirs = (rewards.tolerance(kind(x), **arguments) for rewards in (fast_rewards(), reward_utils))

    assert type(ours) is type(theirs)
    assert np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()


def test_a_margin_may_be_a_numpy_number() -> None:
    ours = fast_rewards().tolerance(0.3, (0, 0.05), np.float64(0.4), "long_tail")
    assert ours == reward_utils.tolerance(0.3, (0, 0.05), np.float64(0.4), "long_tail")
    assert type(ours) is float


def test_the_quick_way_makes_no_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reward_utils, "np", None)
    assert fast_rewards().tolerance(0.05 + 0.3, (0, 0.05), 0.3, "long_tail") == pytest.approx(0.1)


@pytest.mark.parametrize(("bounds", "margin"), [((0.1, 0.0), 0.1), ((0.0, 0.1), -0.1)])
def test_bad_arguments_are_refused_as_by_metaworld(bounds: tuple[float, float], margin: float) -> None:
    with pytest.raises(ValueError, match="bound|margin"):
        fast_rewards().tolerance(0.3, bounds, margin, "long_tail")
