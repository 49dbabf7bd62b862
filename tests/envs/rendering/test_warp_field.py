from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.rendering.records import RenderRequest
from potstill.envs.rendering.rotation_matrices import rotation_matrices
from potstill.envs.rendering.warp_field import WarpField

CAMERAS, SIZE = ("corner", "gripperPOV"), 48


@pytest.fixture(scope="module")
def pushing(record, renderer):
    """Scenes of push, six steps apart, and their geometry."""
    scenes = record("push-v3", 6)[1]
    scenes = scenes[0], scenes[-1]
    requests = [
        RenderRequest(task="push-v3", scene=scene, cameras=CAMERAS, size=SIZE, geometry=True, paint=False)
        for scene in scenes
    ]
    return renderer.render(requests), scenes


def test_where_neither_body_nor_camera_moved_there_is_nothing_to_trace(pushing):
    (key, now), scenes = pushing
    assert len(WarpField.between(key, scenes[0], key, scenes[0]).moving) == 0
    moving = np.zeros(now.depth.size, bool)
    moving[WarpField.between(key, scenes[0], now, scenes[1]).moving] = True
    fixed, wrist = moving.reshape(2, SIZE, SIZE)
    assert wrist.all()
    assert np.array_equal(fixed, _moved(scenes)[now.segmentation[0]])


def test_the_field_is_that_of_float64_to_a_thousandth_of_a_pixel(pushing):
    (key, now), scenes = pushing
    field = WarpField.between(key, scenes[0], now, scenes[1])
    x, y, distance = _traced(key, now, scenes, field.moving)
    assert len(x) > 2400
    assert np.abs(field.distance - distance).max() < 1e-4
    seen = distance > 0.05
    assert np.hypot(field.x - x, field.y - y)[seen].max() < 1e-3
    assert (field.first_row == np.where(field.moving < SIZE * SIZE, 0, SIZE)).all()


def _moved(scenes):
    """(B + 1,) bool by body; the last one is the sky."""
    moved = (scenes[0].body_pos != scenes[1].body_pos).any(axis=1)
    moved |= (scenes[0].body_quat != scenes[1].body_quat).any(axis=1)
    return np.append(moved, False)


def _traced(key, now, scenes, pixels):
    camera, row, column = np.unravel_index(pixels, now.depth.shape)
    focal = SIZE / 2 / np.tan(np.deg2rad(now.fovy.astype(float)) / 2)[camera]
    rays = [(column + 0.5 - SIZE / 2) / focal, (SIZE / 2 - row - 0.5) / focal, -np.ones(len(row))]
    points = np.stack(rays, axis=1) * now.depth.ravel()[pixels][:, None].astype(float)
    points = np.einsum("nij,nj->ni", _axes(now)[camera], points) + now.camera_pose[camera, :3]
    body = np.maximum(now.segmentation.ravel()[pixels], 0)
    then, later = (rotation_matrices(scene.body_quat)[body] for scene in scenes)
    local = np.einsum("nji,nj->ni", later, points - scenes[1].body_pos[body])
    points = np.einsum("nij,nj->ni", then, local) + scenes[0].body_pos[body]
    x, y, z = np.einsum(
        "nji,nj->ni", _axes(key)[camera], points - key.camera_pose[camera, :3].astype(float)
    ).T
    return SIZE / 2 - focal * x / z, SIZE / 2 + focal * y / z, -z


def _axes(reply):
    return reply.camera_pose[:, 3:].reshape(-1, 3, 3).astype(float)
