from __future__ import annotations

import copy
import hashlib
import subprocess
import sys

import mujoco
import numpy as np
import pytest

from potstill.envs.drawable_copy import drawable_copy
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer, MujocoSceneRendererConfig
from potstill.envs.rendering.painter import PainterCapabilities
from potstill.envs.rendering.records import SceneState
from potstill.envs.rendering.render_model import RenderModel, RenderModelConfig
from potstill.envs.rendering.workspace_cameras import WORKSPACE_CAMERAS
from potstill.envs.task_names import TASK_NAMES

FULL_DETAIL = MujocoSceneRendererConfig(
    model=RenderModelConfig(face_fraction=1.0, sphere_slices=28, sphere_stacks=16)
)
#: What Meta-World's default options show.
VISIBLE_GROUPS = np.array([1, 1, 1, 0, 0, 0], np.uint8)
#: Draws the requests stored in a folder with room for one task only, and prints a digest per reply.
OTHER_PROCESS = """
import hashlib, pathlib, sys
import numpy as np
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer, MujocoSceneRendererConfig
from potstill.envs.rendering.records import RenderRequest, SceneState
renderer = MujocoSceneRenderer(MujocoSceneRendererConfig(max_tasks=1))
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.npz")):
    stored = dict(np.load(path))
    scene = SceneState(**{name: stored[name] for name in ("body_pos", "body_quat", "site_pos")})
    request = RenderRequest(
        task=str(stored["task"]), scene=scene, cameras=tuple(stored["cameras"].tolist()), geometry=True,
        size=int(stored["size"]), painter=str(stored["painter"]), seed=int(stored["seed"]),
    )
    reply = renderer.render([request])[0]
    arrays = (reply.rgb, reply.depth, reply.segmentation)
    print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
renderer.close()
"""


@pytest.fixture(scope="module")
def full_renderer():
    renderer = MujocoSceneRenderer(FULL_DETAIL)
    yield renderer
    renderer.close()


def test_a_scene_drawn_from_its_state_equals_mujocos_renderer_on_the_live_data(
    full_renderer, record, request_for, stock_renderer
):
    env, _ = record("drawer-close-v3")
    model, data = drawable_copy(env.simulation)
    stock = stock_renderer(_without_shadows(model), 96)
    stock.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False
    stock.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
    cameras = ("topview", "gripperPOV", "corner", "corner2")
    reply = full_renderer.render([request_for(env.task, cameras=cameras, size=96, geometry=True)])[0]
    for index, camera in enumerate(cameras):
        stock.update_scene(data, camera)
        # Meta-World's corner cameras hang upside-down: upright is half a turn of the picture.
        turned = (lambda image: np.rot90(image, 2)) if camera.startswith("corner") else (lambda image: image)
        expected = turned(stock.render().astype(int))
        assert np.abs(expected - reply.rgb[index]).mean() < 0.1, camera
        assert (expected == reply.rgb[index]).all(axis=-1).mean() > 0.98, camera
        stock.enable_depth_rendering()
        assert np.isclose(turned(stock.render()), reply.depth[index], rtol=1e-4).mean() > 0.99, camera
        stock.disable_depth_rendering()


def test_simplified_meshes_look_like_the_full_ones(renderer, full_renderer, request_for):
    for task in ("reach-v3", "button-press-topdown-v3", "window-close-v3"):
        requests = [request_for(task, cameras=("potstill_left", "potstill_right", "corner2"), size=96)]
        light, full = (one.render(requests)[0].rgb.astype(int) for one in (renderer, full_renderer))
        assert 0 < np.abs(light - full).mean() <= 3.0, task


def test_depth_and_segmentation_agree_with_ray_casting(renderer, record, request_for):
    scene = _without_sites(record("drawer-close-v3")[1][-1])  # rays do not hit sites
    request = request_for("drawer-close-v3", scene=scene, size=64, paint=False, geometry=True)
    reply = renderer.render([request])[0]
    assert reply.rgb is None
    render_model = RenderModel("drawer-close-v3")
    render_model.place(scene)
    position = reply.camera_pose[0, :3].astype(float)
    rotation = reply.camera_pose[0, 3:].astype(float).reshape(3, 3)
    focal = 32 / np.tan(np.deg2rad(float(reply.fovy[0])) / 2)
    agreed_depth, agreed_body = [], []
    hit = np.zeros(1, np.int32)
    for row, column in np.random.default_rng(0).integers(1, 63, (400, 2)):
        body = reply.segmentation[0, row, column]
        if (reply.segmentation[0, row - 1 : row + 2, column - 1 : column + 2] != body).any():
            continue  # on an edge, half a pixel decides
        local = np.array([(column + 0.5 - 32) / focal, (32 - row - 0.5) / focal, -1.0])
        ray = rotation @ local
        distance = mujoco.mj_ray(
            render_model.model, render_model.data, position, ray, VISIBLE_GROUPS, 1, -1, hit
        )
        far = distance < 0
        agreed_body.append(body == (-1 if far else render_model.model.geom_bodyid[hit[0]]))
        if not far:  # mj_ray counts in lengths of the ray, whose part along the optical axis is 1 m
            agreed_depth.append(abs(distance - reply.depth[0, row, column]) < 0.002)
    assert len(agreed_body) > 200
    assert np.mean(agreed_depth) > 0.98
    assert np.mean(agreed_body) > 0.99


def test_where_nothing_is_hit_depth_is_the_far_plane_and_the_body_is_minus_one(renderer, request_for):
    reply = renderer.render([request_for(geometry=True)])[0]
    nothing = reply.segmentation == -1
    model = RenderModel("reach-v3").model
    assert nothing.any()
    assert np.allclose(reply.depth[nothing], model.vis.map.zfar * model.stat.extent, rtol=1e-3)
    assert reply.depth[~nothing].max() < 10


def test_a_reply_has_exactly_what_was_asked_for(renderer, request_for):
    cameras = ("potstill_left", "gripperPOV", "topview")
    colours, geometry = renderer.render(
        [
            request_for(cameras=cameras, size=32),
            request_for(cameras=cameras, size=40, paint=False, geometry=True),
        ]
    )
    assert colours.rgb.shape == (3, 32, 32, 3) and colours.rgb.dtype == np.uint8
    assert colours.depth is None and colours.segmentation is None
    assert geometry.rgb is None
    assert geometry.depth.shape == (3, 40, 40) and geometry.depth.dtype == np.float32
    assert geometry.segmentation.shape == (3, 40, 40) and geometry.segmentation.dtype == np.int16
    assert geometry.camera_pose.shape == (3, 12) and geometry.camera_pose.dtype == np.float32
    assert geometry.fovy.tolist() == pytest.approx([WORKSPACE_CAMERAS[0].fovy, 90.0, 45.0])


def test_bytes_do_not_depend_on_the_batch_or_its_order(renderer, request_for):
    requests = _mixed_requests(request_for)
    alone = [_digest(renderer.render([request])) for request in requests]
    order = np.random.default_rng(1).permutation(len(requests))
    together = renderer.render([requests[index] for index in order])
    assert [_digest([together[np.flatnonzero(order == i)[0]]]) for i in range(len(requests))] == alone
    assert len(set(alone)) == len(alone)


def test_bytes_are_the_same_in_another_process_and_with_one_task_in_memory(renderer, request_for, tmp_path):
    requests = _mixed_requests(request_for)
    for index, request in enumerate(requests):
        np.savez(
            tmp_path / f"{index:02d}.npz", **vars(request.scene), task=request.task, size=request.size,
            cameras=np.array(request.cameras), painter=request.painter, seed=request.seed,
        )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert done.stdout.split() == [_digest(renderer.render([request])) for request in requests]


def test_closing_one_renderer_does_not_hurt_another(renderer, request_for):
    before = _digest(renderer.render([request_for(geometry=True)]))
    other = MujocoSceneRenderer()
    assert _digest(other.render([request_for(geometry=True)])) == before
    renderer.render([request_for()])  # its context is current while the other one goes
    other.close()
    other.close()
    assert _digest(renderer.render([request_for(geometry=True)])) == before


def test_the_goal_of_reach_is_seen_where_the_scene_puts_it(renderer, record, request_for):
    env, scenes = record("reach-v3")
    goal = env.simulation.model.site("goal").id
    site_pos = scenes[-1].site_pos.copy()
    site_pos[goal] = (0.1, 0.7, 0.05)
    moved = SceneState(body_pos=scenes[-1].body_pos, body_quat=scenes[-1].body_quat, site_pos=site_pos)
    replies = renderer.render([request_for(scene=s, size=96) for s in (scenes[-1], moved)])
    pose = replies[0].camera_pose[0].astype(float)
    focal = 48 / np.tan(np.deg2rad(float(replies[0].fovy[0])) / 2)
    for reply, scene in zip(replies, (scenes[-1], moved)):
        x, y, z = (scene.site_pos[goal] - pose[:3]) @ pose[3:].reshape(3, 3)
        row, column = int(48 + focal * y / z), int(48 - focal * x / z)
        red, green, blue = reply.rgb[0, row, column].astype(int)
        assert red > 200 and green < red / 3 and blue < red / 3


def test_sites_that_meta_world_hides_stay_hidden(renderer, record, request_for):
    env, scenes = record("reach-v3")
    hidden = np.flatnonzero(env.simulation.model.site_rgba[:, 3] == 0)
    assert len(hidden)
    site_pos = scenes[-1].site_pos.copy()
    site_pos[hidden] = (0.0, 0.7, 0.2)  # in full view
    moved = SceneState(body_pos=scenes[-1].body_pos, body_quat=scenes[-1].body_quat, site_pos=site_pos)
    plain, other = renderer.render([request_for(scene=s, geometry=True) for s in (scenes[-1], moved)])
    assert np.array_equal(plain.rgb, other.rgb)
    assert np.array_equal(plain.segmentation, other.segmentation)


SAMPLE = set(np.random.default_rng(0).choice(TASK_NAMES, 8, replace=False).tolist())


@pytest.mark.parametrize(
    "task", [name if name in SAMPLE else pytest.param(name, marks=pytest.mark.slow) for name in TASK_NAMES]
)
def test_every_task_is_drawn(renderer, record, request_for, task):
    env, _ = record(task, 1)
    reply = renderer.render([request_for(task, scene=env.scene_state(), size=32, geometry=True)])[0]
    names = {env.simulation.model.body(int(body)).name for body in np.unique(reply.segmentation) if body >= 0}
    assert names & {"hand", "right_hand", "leftpad", "rightpad", "right_l6"}
    assert len(np.unique(reply.rgb.reshape(-1, 3), axis=0)) > 50


def test_an_image_painter_gets_geometry_and_its_picture_is_returned(request_for):
    class Painter:
        version = "test-1"
        capabilities = PainterCapabilities(seed=True, prompt=True)

        def paint_image(self, geometry, request):
            assert geometry.rgb is None and request.prompt == {"background": "wood"}
            image = np.zeros((*geometry.depth.shape, 3), np.uint8)
            image[..., 0] = geometry.segmentation + 1
            return image

    renderer = MujocoSceneRenderer(painters=lambda name: Painter())
    request = request_for(painter="test", prompt={"background": "wood"})
    reply = renderer.render([request])[0]
    unpainted = renderer.render([request_for(painter="test", paint=False, geometry=True)])[0]
    renderer.close()
    assert reply.painter_version == "test-1"
    assert reply.depth is None and reply.segmentation is None
    assert np.array_equal(reply.rgb[..., 0], unpainted.segmentation + 1)
    assert unpainted.rgb is None


def test_what_cannot_be_drawn_is_refused_by_name(renderer, request_for):
    with pytest.raises(ValueError, match=r"unknown painter 'mujoko'.*did you mean mujoco"):
        renderer.render([request_for(painter="mujoko")])
    with pytest.raises(ValueError, match="'mujoco' takes no prompt"):
        renderer.render([request_for(prompt={"background": "wood"})])
    with pytest.raises(ValueError, match=r"size must be in 8\.\.1024 pixels: got 4096"):
        renderer.render([request_for(size=4096)])
    with pytest.raises(ValueError, match="unknown camera 'front'"):
        renderer.render([request_for(cameras=("front",))])


@pytest.mark.parametrize(("key", "value"), [("backend", "glx"), ("max_tasks", 0)])
def test_a_bad_setting_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"{key}.*{value}"):
        MujocoSceneRendererConfig(**{key: value})


def _mixed_requests(request_for):
    return [
        request_for("reach-v3", geometry=True),
        request_for("drawer-close-v3", cameras=("corner2", "gripperPOV"), size=32, geometry=True),
        request_for("reach-v3", painter="randomised", seed=1, geometry=True),
        request_for("reach-v3", size=150, geometry=True),
        request_for("reach-v3", painter="randomised", seed=2, geometry=True),
        request_for("drawer-close-v3", geometry=True),
    ]


def _digest(replies):
    arrays = [array for r in replies for array in (r.rgb, r.depth, r.segmentation)]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def _without_shadows(model):
    model = copy.copy(model)
    model.vis.quality.shadowsize = model.vis.quality.offsamples = 0
    return model


def _without_sites(scene):
    return SceneState(body_pos=scene.body_pos, body_quat=scene.body_quat, site_pos=scene.site_pos + 1000.0)
