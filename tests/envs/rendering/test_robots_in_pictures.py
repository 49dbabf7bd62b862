from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.records import RenderRequest, request_from_message, to_message
from potstill.envs.rendering.render_model import RenderModel
from potstill.envs.robots.arm_tables import ARM_TABLES


@pytest.fixture(scope="module")
def scene_with():
    """``scene_with(robot)``: an environment after its reset, and its scene."""
    known = {}

    def build(robot):
        if robot not in known:
            env = MetaWorldEnv("reach-v3", robot=robot)
            env.reset(seed=5)
            known[robot] = env, env.scene_state()
        return known[robot]

    return build


@pytest.mark.parametrize("robot", ARM_TABLES)
def test_an_arm_is_drawn_where_it_is_simulated(robot, scene_with):
    env, scene = scene_with(robot)
    live = env.simulation
    render_model = RenderModel("reach-v3", robot=robot)
    render_model.place(scene)
    for name in ("hand", "flange", "arm_link_0", "arm_link_5"):
        body = live.model.body(name)
        assert render_model.model.body(name).id == body.id
        first, count = (
            int(render_model.model.body_geomadr[body.id]),
            int(render_model.model.body_geomnum[body.id]),
        )
        assert count > 0, f"{name} is invisible"
        middle = render_model.data.geom_xpos[first : first + count].mean(axis=0)
        assert np.linalg.norm(middle - live.data.body(name).xpos) < 0.6  # m: no link is longer


def test_the_picture_shows_the_arm_that_is_asked_for(renderer, scene_with):
    pictures = {}
    for robot in ("sawyer", "panda", "z1"):
        request = RenderRequest(
            task="reach-v3", robot=robot, scene=scene_with(robot)[1], cameras=("corner2",), size=64
        )
        pictures[robot] = renderer.render([request])[0].rgb
    assert np.any(np.abs(pictures["panda"].astype(int) - pictures["z1"]) > 50)
    assert np.any(np.abs(pictures["panda"].astype(int) - pictures["sawyer"]) > 50)


def test_the_scene_of_another_arm_is_refused(renderer, scene_with):
    request = RenderRequest(
        task="reach-v3", robot="panda", scene=scene_with("sawyer")[1], cameras=("corner2",), size=32
    )
    with pytest.raises(ValueError, match="reach-v3 with panda must be"):
        renderer.render([request])


def test_an_unknown_arm_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean panda"):
        RenderModel("reach-v3", robot="pandas")


def test_the_robot_survives_the_wire(scene_with):
    request = RenderRequest(
        task="reach-v3", robot="gen3", scene=scene_with("gen3")[1], cameras=("corner2",), size=32
    )
    assert request_from_message(to_message(request)).robot == "gen3"
