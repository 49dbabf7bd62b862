from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.randomised_painter import RandomisedPainter, RandomisedPainterConfig
from potstill.envs.rendering.render_model import RenderModel

PLAIN = RandomisedPainterConfig(
    colour=0.0, texture_probability=0.0, light=0.0, camera_position=0.0, camera_angle=0.0, camera_fovy=0.0
)


def test_a_seed_always_gives_the_same_picture_and_another_seed_another(renderer, request_for):
    first, again, other, negative = renderer.render(
        [request_for(painter="randomised", seed=seed) for seed in (7, 7, 8, -1)]
    )
    assert np.array_equal(first.rgb, again.rgb)
    for different in (other, negative):
        assert np.abs(first.rgb.astype(int) - different.rgb).mean() > 5


def test_it_leaves_no_trace_in_the_plain_pictures(renderer, request_for):
    before = renderer.render([request_for(geometry=True)])[0]
    renderer.render([request_for(painter="randomised", seed=seed) for seed in range(5)])
    after = renderer.render([request_for(geometry=True)])[0]
    for name in ("rgb", "depth", "segmentation", "camera_pose", "fovy"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name


def test_it_puts_the_model_back_even_when_drawing_fails(request_for):
    model = RenderModel("reach-v3").model
    before = _snapshot(model)
    with pytest.raises(RuntimeError), RandomisedPainter().edited_scene(model, request_for(seed=3)):
        changed = _snapshot(model)
        raise RuntimeError("the draw failed")
    assert all(np.array_equal(before[name], value) for name, value in _snapshot(model).items())
    assert sum(not np.array_equal(before[name], value) for name, value in changed.items()) >= 10


def test_nothing_to_randomise_gives_the_plain_picture(renderer, request_for):
    still = MujocoSceneRenderer(painters=lambda name: RandomisedPainter(PLAIN))
    reply = still.render([request_for(painter="randomised", seed=4)])[0]
    still.close()
    assert np.abs(reply.rgb.astype(int) - renderer.render([request_for()])[0].rgb).max() <= 1


def test_the_goal_keeps_its_colour(request_for):
    model = RenderModel("reach-v3").model
    before = model.site_rgba.copy()
    with RandomisedPainter().edited_scene(model, request_for(seed=3)):
        assert np.array_equal(model.site_rgba, before)
        assert np.array_equal(model.geom_rgba[:, 3], RenderModel("reach-v3").model.geom_rgba[:, 3])


def test_picture_and_geometry_of_one_seed_come_from_the_same_moved_camera(renderer, request_for):
    painted, geometry, plain = renderer.render(
        [
            request_for(painter="randomised", seed=9),
            request_for(painter="randomised", seed=9, paint=False, geometry=True),
            request_for(paint=False, geometry=True),
        ]
    )
    assert np.array_equal(painted.camera_pose, geometry.camera_pose)
    moved = np.linalg.norm(painted.camera_pose[0, :3] - plain.camera_pose[0, :3])
    assert 1e-4 < moved < 0.06  # m; six standard deviations


@pytest.mark.parametrize(("key", "value"), [("colour", 1.5), ("light", -0.1), ("camera_angle", 45.0)])
def test_a_bad_setting_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"{key} must be in .* got {value}"):
        RandomisedPainterConfig(**{key: value})


def _snapshot(model):
    fields = [
        name for name in dir(model) if name.split("_")[0] in {"geom", "mat", "light", "cam", "tex", "site"}
    ]
    arrays = {name: getattr(model, name) for name in fields}
    arrays = {name: value.copy() for name, value in arrays.items() if isinstance(value, np.ndarray)}
    headlight = model.vis.headlight
    return arrays | {
        f"headlight_{n}": getattr(headlight, n).copy() for n in ("ambient", "diffuse", "specular")
    }
