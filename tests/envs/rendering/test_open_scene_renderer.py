from __future__ import annotations

import typing

import pytest

from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.envs.rendering.render_config import RenderConfig


@pytest.mark.parametrize("name", typing.get_args(typing.get_type_hints(RenderConfig)["renderer"]))
def test_every_renderer_of_the_configuration_draws(name, request_for):
    renderer = open_scene_renderer(name)
    reply = renderer.render([request_for()])[0]
    renderer.close()
    assert reply.rgb.std() > 10


def test_an_unknown_renderer_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="must be one of batch, mujoco: got 'mujuco'; did you mean mujoco"):
        open_scene_renderer("mujuco")
