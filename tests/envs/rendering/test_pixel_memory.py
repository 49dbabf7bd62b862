from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from potstill.envs.rendering.pixel_memory import PixelInputs, PixelMemory
from potstill.envs.rendering.procedural_painter import ProceduralPainter
from potstill.envs.rendering.records import RenderRequest, SceneState

PROMPTS = ({"table": "oak planks", "light": "noon"}, {"table": "grey fog tiles", "light": "neon fog"})


def inputs(depth=1.0, body=1, camera=0.0, place=0.0):
    """Two cameras of 6 x 6 pixels; everywhere the body, at this depth."""
    position = np.zeros((2, 3))
    position[1] = place
    return PixelInputs(
        depth=np.full((2, 6, 6), depth, np.float32),
        bodies=np.full((2, 6, 6), body, np.int16),
        camera_pose=np.array([[0.0] * 12, [camera] * 12], np.float32),
        scene=SceneState(body_pos=position, body_quat=np.ones((2, 4)), site_pos=np.zeros((0, 3))),
    )


def remembering(first, *, passing=()):
    memory = PixelMemory(1000)
    everything = np.arange(72)
    memory.update("look", first, everything, np.zeros((3, 72), np.float32), np.array(passing, np.intp))
    return memory


@pytest.mark.parametrize("wrist", [False, True])
def test_a_painter_that_remembers_paints_the_same_bytes_as_one_that_does_not(renderer, record, wrist):
    cameras = ("potstill_left", "gripperPOV") if wrist else ("potstill_left", "corner")
    scenes = record("push-v3", 6)[1]
    requests = [
        RenderRequest(task="push-v3", scene=scene, cameras=cameras, size=40, geometry=True, paint=False)
        for scene in (*scenes, *scenes[::-2])
    ]
    remembering = ProceduralPainter()
    shares = []
    for step, geometry in enumerate(renderer.render(requests)):
        for prompt in PROMPTS:
            request = replace(
                requests[step], painter="procedural", prompt=prompt, seed=3, strength=1 - 0.5 * (step % 2)
            )
            fresh = ProceduralPainter().paint_image(geometry, request)
            assert np.array_equal(remembering.paint_image(geometry, request), fresh)
            shares.append(len(np.unique(fresh)))
    assert min(shares) > 20  # they are pictures


def test_nothing_is_painted_twice_where_nothing_changed_and_everything_under_another_look():
    memory = remembering(inputs())
    assert not memory.changed("look", inputs()).any()
    assert memory.changed("another", inputs()).all()


def test_a_step_in_depth_repaints_the_pixel_and_its_four_neighbours():
    now = inputs()
    now.depth[1, 2, 3] += np.float32(1e-7)
    changed = remembering(inputs()).changed("look", now).reshape(2, 6, 6)
    wanted = np.zeros_like(changed)
    wanted[1, 2, 2:5] = wanted[1, 1:4, 3] = True
    assert np.array_equal(changed, wanted)


def test_other_bodies_and_bodies_that_moved_are_repainted():
    now = inputs()
    now.bodies[0, 0] = 0
    changed = remembering(inputs()).changed("look", now).reshape(2, 6, 6)
    assert changed[0, 0].all()
    assert changed.sum() == 6
    assert remembering(inputs()).changed("look", inputs(place=1e-12)).all()
    assert not remembering(inputs(body=-1)).changed("look", inputs(body=-1, place=1.0)).any()  # the sky


def test_a_camera_that_moved_repaints_its_own_picture():
    changed = remembering(inputs()).changed("look", inputs(camera=1.0)).reshape(2, 36)
    assert changed.all(axis=1).tolist() == [False, True]
    assert not changed[0].any()


def test_passing_pixels_are_painted_every_time():
    assert np.flatnonzero(remembering(inputs(), passing=[5, 40]).changed("look", inputs())).tolist() == [
        5,
        40,
    ]


def test_new_colours_go_where_they_belong_and_the_others_stay():
    memory = remembering(inputs())
    picture = memory.update(
        "look", inputs(), np.array([7]), np.full((3, 1), 9.0, np.float32), np.empty(0, np.intp)
    )
    assert (picture[:, 7] == 9).all()
    assert picture.sum() == 27


def test_the_picture_used_longest_ago_is_forgotten_first():
    memory = PixelMemory(150)  # two pictures of 72
    blank, none = np.zeros((3, 72), np.float32), np.empty(0, np.intp)
    for look in ("first", "second", "first", "third"):
        memory.update(look, inputs(), np.arange(72), blank, none)
    assert memory.changed("second", inputs()).all()
    assert not memory.changed("first", inputs()).any()
    assert not memory.changed("third", inputs()).any()
