from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from potstill.envs.rendering.diffusion.region_weights import region_weights
from potstill.experience.prompt_collection import REGIONS


@pytest.fixture
def weigh(renderer, painted_request, tiny_config):
    """``weigh(...)``: the request's geometry, and the weights of its first camera."""

    def build(size=64, settings=None, **changes):
        request = painted_request(size=size, **changes)
        plain = replace(request, painter="mujoco", prompt={}, paint=False, geometry=True)
        geometry = renderer.render([plain])[0]
        return region_weights(geometry, request, tiny_config(**(settings or {"mask_growth": 0})))

    return build


def test_weights_add_up_to_one_and_without_growth_follow_what_is_shown(weigh, shown_at, painted_request):
    weights = weigh()[0]
    assert set(weights) == set(REGIONS)
    assert np.allclose(sum(weights.values()), 1)
    shown = shown_at(painted_request(size=64))
    for region, weight in weights.items():
        assert np.array_equal(weight == 1, shown == REGIONS.index(region))


def test_regions_grow_into_each_other_and_share_by_strength(weigh):
    sharp = weigh()[0]
    equal = {"foreground_strength": 1.0, "background_strength": 1.0}
    grown = weigh(settings={"mask_growth": 2, "object_strength": 3.0, **equal})[0]
    for region in REGIONS:
        assert (grown[region] > 0).sum() > (sharp[region] > 0).sum()
    regions_there = sum((weight > 0).astype(int) for weight in grown.values())
    border = (regions_there == 2) & (grown["goal"] > 0) & (grown["object"] == 0)
    assert border.any() and np.allclose(grown["goal"][border], 0.75)


def test_without_strength_no_region_knows_where_it_is(weigh):
    weights = weigh(strength=0.0)[0]
    assert all(np.ptp(weight) < 1e-6 for weight in weights.values())
    assert weights["table"].mean() > weights["goal"].mean()


def test_a_region_that_a_camera_does_not_see_is_left_out(weigh):
    left, gripper = weigh(cameras=("potstill_left", "gripperPOV"))
    assert set(gripper) < set(left)
