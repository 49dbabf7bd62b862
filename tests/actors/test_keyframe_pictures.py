from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from potstill.actors.keyframe_pictures import KeyframePictures
from potstill.actors.look_sequence import Look
from potstill.envs.rendering.records import SceneState
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.rendering.sketch_renderer import SketchRenderer


def _scene(step):
    moved = np.arange(12, dtype=np.float64).reshape(4, 3) + step
    moved[0] = 0.0  # the world, to which the twin's wall belongs
    return SceneState(body_pos=moved, body_quat=np.tile([1.0, 0, 0, 0], (4, 1)), site_pos=np.zeros((1, 3)))


def _watch(pictures, renderer, steps, *, hide=()):
    """Show ``steps`` steps; at those in ``hide`` the world shows other bodies than the keyframe did."""
    shown = []
    for step in range(steps):
        request = pictures.request(_scene(step))
        (reply,) = renderer.render([request])
        if step in hide and reply.rgb is None:
            reply = replace(reply, segmentation=reply.segmentation + 1)
        picture = pictures.accept(request, reply)
        if picture is None:
            request = pictures.request(_scene(step), force_paint=True)
            picture = pictures.accept(request, renderer.render([request])[0])
        shown.append((pictures.is_keyframe, picture))
    return shown


def _pictures(**config):
    look = Look(seed=5, prompt={})
    return KeyframePictures(
        task="reach-v3", config=RenderConfig(size=16, **config), look_at=lambda step: look
    )


@pytest.mark.parametrize("interval", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("steps", [1, 6, 7, 8, 21])
def test_the_painter_is_called_exactly_once_per_interval(interval, steps):
    renderer, pictures = SketchRenderer(), _pictures(keyframe_interval=interval)
    shown = _watch(pictures, renderer, steps)
    assert renderer.painted == pictures.paint_calls == math.ceil(steps / interval)
    assert [painted for painted, _ in shown] == [step % interval == 0 for step in range(steps)]


def test_with_an_interval_of_one_no_geometry_is_asked_for():
    request = _pictures(keyframe_interval=1).request(_scene(0))
    assert (request.paint, request.geometry) == (True, False)


def test_held_between_keyframes_the_picture_stays_as_it_was_painted_and_no_geometry_is_drawn():
    renderer, pictures = SketchRenderer(), _pictures(keyframe_interval=3, between="hold")
    shown = _watch(pictures, renderer, 7)
    assert [painted for painted, _ in shown] == [True, False, False, True, False, False, True]
    for step, (_, picture) in enumerate(shown):
        assert np.array_equal(picture, shown[step - step % 3][1])
    assert not np.array_equal(shown[0][1], shown[3][1])
    assert renderer.painted == pictures.paint_calls == math.ceil(7 / 3)
    assert not pictures.request(_scene(7)).geometry


def test_the_steps_between_show_the_keyframe_moved_by_geometry():
    # The twin's wall stands still while its colours change: a warp shows the keyframe's colours, bit for bit.
    shown = _watch(_pictures(keyframe_interval=3), SketchRenderer(), 6)
    for first in (0, 3):
        for _, warped in shown[first + 1 : first + 3]:
            assert np.array_equal(warped, shown[first][1])
    assert not np.array_equal(shown[0][1], shown[3][1])


def test_a_warp_that_leaves_too_much_unseen_is_painted_instead_and_becomes_the_keyframe():
    renderer, pictures = SketchRenderer(), _pictures(keyframe_interval=5, max_invalid_fraction=0.2)
    shown = _watch(pictures, renderer, 8, hide={2})
    # Step 2 was painted out of turn; the next five-step interval starts there.
    assert [painted for painted, _ in shown] == [True, False, True, False, False, False, False, True]
    assert renderer.painted == pictures.paint_calls == 3
    (truth,) = SketchRenderer().render([_pictures().request(_scene(2))])
    assert np.array_equal(shown[2][1], truth.rgb)


def test_with_the_threshold_at_one_a_warp_is_never_refused():
    shown = _watch(
        _pictures(keyframe_interval=4, max_invalid_fraction=1.0), SketchRenderer(), 4, hide={1, 2, 3}
    )
    assert [painted for painted, _ in shown] == [True, False, False, False]
