from __future__ import annotations

import mujoco
import numpy as np
import pytest

from potstill.envs.drawable_copy import drawable_copy
from potstill.envs.rendering.render_config import DEFAULT_CAMERAS
from potstill.envs.rendering.render_model import RenderModel, RenderModelConfig
from potstill.envs.robots.build_task import build_task

FULL_DETAIL = RenderModelConfig(face_fraction=1.0, sphere_slices=28, sphere_stacks=16)


@pytest.mark.parametrize("task", ["reach-v3", "hammer-v3"])
def test_bodies_geoms_and_sites_keep_meta_worlds_ids_and_names(task):
    live = build_task(task, "sawyer").model
    model = RenderModel(task).model
    for kind in ("body", "geom", "site"):
        count = getattr(live, f"n{kind}")
        assert getattr(model, f"n{kind}") == count
        names = [[getattr(m, kind)(i).name for i in range(count)] for m in (live, model)]
        assert names[0] == names[1]
    assert np.array_equal(model.geom_bodyid, live.geom_bodyid)
    assert np.array_equal(model.geom_rgba, live.geom_rgba)


def test_large_meshes_lose_faces_and_small_ones_keep_them():
    full = build_task("reach-v3", "sawyer").model.mesh_facenum
    light = RenderModel("reach-v3", RenderModelConfig(face_fraction=0.2, min_faces=400)).model.mesh_facenum
    assert (light[full < 400] == full[full < 400]).all()
    assert (light[full >= 400] < 0.25 * full[full >= 400]).all()
    assert light.sum() < 0.25 * full.sum()


def test_a_placed_model_stands_exactly_where_the_live_one_does(record):
    env, scenes = record("drawer-close-v3")
    _, live = drawable_copy(env.simulation)
    render_model = RenderModel(env.task, FULL_DETAIL)
    render_model.place(scenes[-1])
    for name in ("geom_xpos", "geom_xmat", "site_xpos", "site_xmat", "light_xpos", "light_xdir"):
        assert np.allclose(getattr(render_model.data, name), getattr(live, name), atol=1e-9), name
    for camera in ("topview", "gripperPOV", "behindGripper"):  # those that hang upright in Meta-World
        assert np.allclose(render_model.data.camera(camera).xpos, live.camera(camera).xpos, atol=1e-9)
        assert np.allclose(render_model.data.camera(camera).xmat, live.camera(camera).xmat, atol=1e-9)


def test_simplified_meshes_stand_where_the_full_ones_do(record):
    env, scenes = record("reach-v3")
    full, light = RenderModel(env.task, FULL_DETAIL), RenderModel(env.task)
    for one in (full, light):
        one.place(scenes[-1])
    for geom in np.flatnonzero(full.model.geom_type == mujoco.mjtGeom.mjGEOM_MESH):
        corners = [_world_bounds(one, geom) for one in (full, light)]
        assert np.allclose(*corners, atol=0.006), full.model.geom(geom).name  # m


def test_world_cameras_hang_upright_and_ours_are_there(record):
    env, scenes = record("reach-v3")
    render_model = RenderModel(env.task)
    render_model.place(scenes[-1])
    for name in (*DEFAULT_CAMERAS, "corner", "corner2", "corner3", "corner4"):
        up = render_model.data.camera(name).xmat.reshape(3, 3)[:, 1]
        assert up[2] > 0, name
    _, data = drawable_copy(env.simulation)
    for name in ("corner", "corner2", "corner3", "corner4"):  # the same line of sight, rolled
        live = data.camera(name).xmat.reshape(3, 3)
        ours = render_model.data.camera(name).xmat.reshape(3, 3)
        assert np.allclose(ours, live * [-1, -1, 1], atol=1e-9)


@pytest.mark.parametrize(
    "task", ["reach-v3", "button-press-topdown-v3", "drawer-close-v3", "window-close-v3"]
)
def test_the_default_cameras_see_hand_and_goal_from_directions_that_cross(task, record):
    env, scenes = record(task)
    render_model = RenderModel(task)
    render_model.place(scenes[0])
    points = np.stack([env.simulation.data.body("hand").xpos, env.simulation._env._target_pos])
    rays = []
    for name in DEFAULT_CAMERAS:
        camera = render_model.data.camera(name)
        local = (points - camera.xpos) @ camera.xmat.reshape(3, 3)
        half = np.tan(np.deg2rad(render_model.model.camera(name).fovy[0]) / 2)
        assert (np.abs(local[:, :2] / -local[:, 2:]) < 0.95 * half).all(), name
        rays.append((points - camera.xpos) / np.linalg.norm(points - camera.xpos, axis=1, keepdims=True))
    angles = np.rad2deg(np.arccos((rays[0] * rays[1]).sum(axis=1)))
    assert (angles > 40).all()


def test_a_scene_of_another_task_is_refused(record):
    with pytest.raises(ValueError, match=r"scene\.body_pos of reach-v3 with sawyer must be"):
        RenderModel("reach-v3").place(record("drawer-close-v3")[1][0])


def test_an_unknown_task_or_camera_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="reach-v3"):
        RenderModel("reech-v3")
    with pytest.raises(ValueError, match=r"unknown camera 'cornr2'.*did you mean corner2"):
        RenderModel("reach-v3").camera_id("cornr2")


@pytest.mark.parametrize(
    ("key", "value"), [("face_fraction", 0.0), ("min_faces", 1), ("sphere_slices", 2), ("sphere_stacks", 100)]
)
def test_a_bad_setting_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"{key}.*{value}"):
        RenderModelConfig(**{key: value})


def _world_bounds(render_model, geom):
    model, data = render_model.model, render_model.data
    mesh = model.geom_dataid[geom]
    first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
    vertices = (
        model.mesh_vert[first : first + count] @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]
    )
    return vertices.min(axis=0), vertices.max(axis=0)
