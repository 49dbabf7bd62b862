from __future__ import annotations

import dataclasses

import mujoco
import numpy as np
import pytest

from potstill.envs.rendering.records import RenderReply, RenderRequest, SceneState
from potstill.envs.rendering.render_model import RenderModel
from potstill.envs.rendering.warp import WarpConfig, warp_keyframe

CAMERAS = ("potstill_left", "potstill_right", "gripperPOV")
#: The hand pushes the drawer shut; both move, and gripperPOV moves with the hand.
TABLE = 1
PUSH = np.array([0.3, 1.0, -0.6, 0.5], np.float32)


@pytest.fixture(scope="module")
def pushing(record, renderer):
    """Keyframe and, 8 steps later, the scene of drawer-close: (replies, scenes)."""
    env, _ = record("drawer-close-v3", 0, 11)
    scenes = [env.scene_state()]
    for _ in range(8):
        env.step(PUSH)
    scenes.append(env.scene_state())
    return _draw(renderer, scenes, CAMERAS, 64), scenes


def test_without_motion_the_warp_is_the_keyframe_bit_for_bit(renderer, pushing):
    (keyframe, _), (scene, _) = pushing
    warped = warp_keyframe(keyframe, scene, keyframe, scene)
    assert np.array_equal(warped.rgb, keyframe.rgb)
    assert warped.valid.all()
    assert warped.invalid_fraction == 0.0


@pytest.mark.parametrize("shift", [0.0, 0.37, 1.5, -2.2])
def test_a_known_translation_is_off_by_less_than_a_twentieth_of_a_pixel(shift):
    # Given a body that fills the view, 2 m away, coloured by a ramp of 10 levels a pixel
    size, focal, depth = 24, 12.0, 2.0
    ramp = np.broadcast_to(np.arange(size, dtype=np.uint8) * 10, (size, size))
    keyframe = _flat_reply(size, depth, rgb=np.stack([ramp, ramp.T, ramp], axis=-1))
    # When the body moves by a known number of pixels, right and up
    moved = np.array([shift, shift, 0.0]) * depth / focal
    warped = warp_keyframe(
        keyframe, _one_body([0, 0, -depth]), _flat_reply(size, depth), _one_body(moved + [0, 0, -depth])
    )
    # Then the colours say from which column and row every pixel came
    columns = np.arange(size) - shift
    inside = (columns >= 0) & (columns <= size - 1)
    found = warped.rgb[0, :, :, 0] / 10.0
    assert np.abs(found - columns)[:, inside].max() <= 0.05 + 1e-6
    assert np.abs((found - columns)[:, inside].mean()) < 0.05
    rows = np.arange(size) + shift
    inside = (rows >= 0) & (rows <= size - 1)
    assert np.abs(warped.rgb[0, :, :, 1].T / 10.0 - rows)[:, inside].max() <= 0.05 + 1e-6


def test_moving_bodies_look_as_if_drawn_again(pushing):
    # Shading changes a little as bodies turn under fixed lights; the rest is interpolation of the textures.
    (keyframe, current), scenes = pushing
    warped = warp_keyframe(keyframe, scenes[0], current, scenes[1])
    for camera, floor in zip(range(3), (30.0, 30.0, 27.0)):  # the last one moves, and sees textures close by
        valid = warped.valid[camera]
        assert valid.mean() > 0.7
        assert _psnr(warped.rgb[camera][valid], current.rgb[camera][valid]) > floor
    gripper = _body("drawer-close-v3", "right_hand")
    moved = warped.valid & (current.segmentation == gripper)
    assert moved[:2].sum() > 20  # the gripper itself was followed, not only the still background
    assert _psnr(warped.rgb[moved], current.rgb[moved]) > 20.0
    untouched = _psnr(keyframe.rgb[:2], current.rgb[:2])
    assert _psnr(warped.rgb[:2], current.rgb[:2]) > untouched + 3.0


def test_the_occlusion_mask_agrees_with_rays(renderer, pushing):
    _, scenes = pushing
    scenes = [
        dataclasses.replace(scene, site_pos=scene.site_pos + 1000.0) for scene in scenes
    ]  # rays miss sites
    keyframe, current = _draw(
        renderer, scenes, CAMERAS[:1], 384
    )  # fine enough that one-pixel borders do not decide
    warped = warp_keyframe(keyframe, scenes[0], current, scenes[1])
    hidden = ~_visible_in_keyframe("drawer-close-v3", current, keyframe, scenes)
    assert 0.02 < hidden.mean() < 0.3
    assert _iou(hidden, ~warped.valid[0]) > 0.95


def test_holes_take_the_colour_of_their_own_body_and_are_never_black(renderer, pushing):
    (keyframe, current), scenes = pushing
    table = np.where(keyframe.segmentation == TABLE, 200, 90).astype(np.uint8)
    bright = dataclasses.replace(keyframe, rgb=np.repeat(table[..., None], 3, axis=-1))
    warped = warp_keyframe(bright, scenes[0], current, scenes[1])
    holes = ~warped.valid
    assert warped.invalid_fraction == pytest.approx(holes.mean())
    assert 0.0 < warped.invalid_fraction < 0.3
    assert set(np.unique(warped.rgb[holes])) <= {90, 200}
    near_table = (
        holes & (current.segmentation == TABLE) & _beside(warped.valid & (current.segmentation == TABLE))
    )
    assert near_table.sum() > 20
    assert (warped.rgb[near_table] == 200).all()


def test_a_body_the_keyframe_never_saw_falls_back_to_the_keyframes_pixels():
    size = 16
    keyframe = _flat_reply(size, 2.0, rgb=np.full((size, size, 3), 77, np.uint8))
    unseen = _flat_reply(size, 2.0)
    unseen.segmentation[:] = 0
    warped = warp_keyframe(keyframe, _one_body([0, 0, -2]), unseen, _one_body([0, 0, -2]))
    assert warped.invalid_fraction == 1.0
    assert (warped.rgb == 77).all()


def test_pictures_that_are_missing_or_differ_in_size_are_refused(pushing, renderer):
    (keyframe, current), scenes = pushing
    with pytest.raises(ValueError, match="needs the keyframe's rgb"):
        warp_keyframe(dataclasses.replace(keyframe, rgb=None), scenes[0], current, scenes[1])
    with pytest.raises(ValueError, match="needs the current depth"):
        warp_keyframe(keyframe, scenes[0], dataclasses.replace(current, depth=None), scenes[1])
    small = _draw(renderer, scenes[1:], CAMERAS, 32)[0]
    with pytest.raises(ValueError, match="differ in size"):
        warp_keyframe(keyframe, scenes[0], small, scenes[1])


@pytest.mark.parametrize(("key", "value"), [("absolute_tolerance", 0.0), ("relative_tolerance", -1.0)])
def test_a_bad_tolerance_is_refused_by_name(key, value):
    with pytest.raises(ValueError, match=f"{key}.*{value}"):
        WarpConfig(**{key: value})


def _draw(renderer, scenes, cameras, size):
    return renderer.render(
        [
            RenderRequest(task="drawer-close-v3", scene=scene, cameras=cameras, size=size, geometry=True)
            for scene in scenes
        ]
    )


def _flat_reply(size, depth, rgb=None):
    """A camera at the origin looking along -z at body 1, 90 degrees wide."""
    return RenderReply(
        rgb=None if rgb is None else np.array(rgb)[None],
        depth=np.full((1, size, size), depth, np.float32),
        segmentation=np.ones((1, size, size), np.int16),
        camera_pose=np.array([[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]], np.float32),
        fovy=np.array([90.0], np.float32),
        painter_version="test",
    )


def _one_body(position):
    return SceneState(
        body_pos=np.array([[0, 0, 0], position], float),
        body_quat=np.array([[1, 0, 0, 0], [1, 0, 0, 0]], float),
        site_pos=np.zeros((0, 3)),
    )


def _visible_in_keyframe(task, current, keyframe, scenes):
    """(H, W) bool by brute force: unproject each pixel, move it with its body, cast a ray."""
    render_model = RenderModel(task)
    model, data = render_model.model, render_model.data
    render_model.place(scenes[0])
    position, rotation, focal = _camera(keyframe)
    now_position, now_rotation, _ = _camera(current)
    size = current.depth.shape[-1]
    visible = np.zeros((size, size), bool)
    groups, hit = np.array([1, 1, 1, 0, 0, 0], np.uint8), np.zeros(1, np.int32)
    for row, column in np.ndindex(size, size):
        ray = np.array([(column + 0.5 - size / 2) / focal, (size / 2 - row - 0.5) / focal, -1.0])
        point = now_rotation @ ray * float(current.depth[0, row, column]) + now_position
        body = int(current.segmentation[0, row, column])
        if body > 0:
            local = _matrix(scenes[1].body_quat[body]).T @ (point - scenes[1].body_pos[body])
            point = _matrix(scenes[0].body_quat[body]) @ local + scenes[0].body_pos[body]
        x, y, z = rotation.T @ (point - position)
        inside = z < 0 and max(abs(x), abs(y)) / -z * focal < size / 2
        distance = np.linalg.norm(point - position)
        first = mujoco.mj_ray(model, data, position, (point - position) / distance, groups, 1, -1, hit)
        visible[row, column] = inside and (first < 0 or first > distance - 0.005)
    return visible


def _camera(reply):
    pose = reply.camera_pose[0].astype(float)
    focal = reply.depth.shape[-1] / 2 / np.tan(np.deg2rad(float(reply.fovy[0])) / 2)
    return pose[:3], pose[3:].reshape(3, 3), focal


def _matrix(quaternion):
    matrix = np.empty(9)
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)


def _body(task, name):
    return RenderModel(task).model.body(name).id


def _beside(mask):
    grown = np.zeros_like(mask)
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[:, :, 1:] |= mask[:, :, :-1]
    grown[:, :, :-1] |= mask[:, :, 1:]
    return grown


def _psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


def _iou(a, b):
    return (a & b).sum() / (a | b).sum()
