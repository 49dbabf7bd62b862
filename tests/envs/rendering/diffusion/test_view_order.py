from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from potstill.envs.rendering.diffusion.view_order import ViewOrder


@pytest.fixture
def orders(renderer, painted_request, tiny_config):
    """``orders(...)``: the geometry of a request, and its orders."""

    def build(**changes):
        request = painted_request(**changes)
        plain = replace(request, painter="mujoco", prompt={}, paint=False, geometry=True)
        geometry = renderer.render([plain])[0]
        return geometry, list(ViewOrder.of(geometry, request, tiny_config()))

    return build


def test_the_nearest_pixel_is_one_and_the_farthest_nothing(orders):
    geometry, (order,) = orders()
    assert order.nearness.dtype == np.float32
    assert order.nearness[geometry.depth[0] == geometry.depth[0].min()].min() == 1
    assert order.nearness[geometry.depth[0] == geometry.depth[0].max()].max() == 0
    near, far = 1 / geometry.depth.min(), 1 / geometry.depth.max()
    assert np.allclose(order.nearness, (1 / geometry.depth[0] - far) / (near - far), atol=1e-6)
    assert len(np.unique(order.nearness)) > 256  # not rounded to 8 bits


def test_each_region_has_its_words_and_the_light(orders, prompts):
    _, (order,) = orders()
    assert order.texts[0] == f"{prompts[0]['table']}, {prompts[0]['light']}"
    assert order.negative == prompts[0]["negative"]
    assert len(order.texts) == len(order.weights)


def test_a_region_without_words_is_what_it_is(orders):
    _, (order,) = orders(prompt={"table": "slate"})
    assert order.texts[:2] == ("slate", "robot") and order.negative == ""


def test_every_camera_and_seed_has_its_own_noise(orders):
    seeds = [
        order.seed for seed in (0, 1, -1) for order in orders(seed=seed, cameras=("topview", "corner"))[1]
    ]
    assert len(set(seeds)) == 6 and all(0 <= seed < 2**63 for seed in seeds)


def test_strength_takes_its_share_of_the_control_scale(orders):
    assert orders(strength=0.25)[1][0].control_scale == pytest.approx(0.2)
