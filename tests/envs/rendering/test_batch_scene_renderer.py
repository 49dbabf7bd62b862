from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.batch_scene_renderer import BatchSceneRenderer, BatchSceneRendererConfig
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.painter import PainterCapabilities
from potstill.envs.rendering.randomised_painter import RandomisedPainter, RandomisedPainterConfig
from potstill.envs.rendering.records import RenderRequest
from potstill.envs.rendering.render_config import CAMERA_NAMES

#: Draws the requests stored in a folder, one by one, and prints a digest per reply.
OTHER_PROCESS = """
import hashlib, pathlib, sys
import numpy as np
from potstill.envs.rendering.batch_scene_renderer import BatchSceneRenderer, BatchSceneRendererConfig
from potstill.envs.rendering.records import RenderRequest, SceneState
renderer = BatchSceneRenderer(BatchSceneRendererConfig(max_views=3, max_tasks=1, max_backdrops=1))
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
CAMERAS = ("potstill_left", "corner2", "gripperPOV")


@pytest.fixture(scope="module")
def batch_renderer():
    renderer = BatchSceneRenderer()
    yield renderer
    renderer.close()


@pytest.mark.parametrize("task", ["drawer-close-v3", "soccer-v3"])
def test_pictures_equal_the_reference_renderers(batch_renderer, renderer, request_for, task):
    request = request_for(task, cameras=CAMERA_NAMES, size=96, geometry=True)
    ours, reference = batch_renderer.render([request])[0], renderer.render([request])[0]
    np.testing.assert_array_equal(ours.camera_pose, reference.camera_pose)
    np.testing.assert_array_equal(ours.fovy, reference.fovy)
    for index, camera in enumerate(CAMERA_NAMES):
        same_body = ours.segmentation[index] == reference.segmentation[index]
        assert same_body.mean() > 0.995, camera
        near = np.isclose(ours.depth[index], reference.depth[index], rtol=1e-4)
        assert near[same_body].mean() > 0.99, camera
        assert np.abs(ours.rgb[index].astype(int) - reference.rgb[index]).mean() < 2.0, camera


@pytest.mark.parametrize("robot", ["panda", "ur5e", "viperx"])
def test_every_arm_is_drawn_as_the_reference_draws_it(batch_renderer, renderer, request_for, robot):
    env = MetaWorldEnv("door-open-v3", robot=robot)
    env.reset(seed=3)
    request = request_for(
        env.task, robot=robot, scene=env.scene_state(), cameras=CAMERAS, size=96, geometry=True
    )
    ours, reference = batch_renderer.render([request])[0], renderer.render([request])[0]
    assert (ours.segmentation == reference.segmentation).mean() > 0.995
    assert np.abs(ours.rgb.astype(int) - reference.rgb).mean() < 2.0


def test_domain_randomisation_looks_as_in_the_reference_but_for_swapped_textures(request_for):
    """MuJoCo's context keeps the textures it was made with: there a swap changes nothing."""
    request = request_for(painter="randomised", seed=8, size=64, cameras=CAMERAS)
    kept, swapped = (
        {"randomised": RandomisedPainter(RandomisedPainterConfig(texture_probability=p))} for p in (0.0, 1.0)
    )
    opened = [BatchSceneRenderer(painters=kept.get), MujocoSceneRenderer(painters=kept.get)]
    opened.append(BatchSceneRenderer(painters=swapped.get))
    ours, reference, other = (renderer.render([request])[0].rgb.astype(int) for renderer in opened)
    for renderer in opened:
        renderer.close()
    assert np.abs(ours - reference).mean() < 2.0
    assert np.abs(ours - other).mean() > 5.0


def test_an_image_painter_gets_geometry_and_its_picture_is_returned(request_for):
    class Negative:
        version = "negative-1"
        capabilities = PainterCapabilities(seed=False, prompt=False)

        def paint_image(self, geometry, request):
            return np.repeat((255 * (geometry.depth < 2.0)).astype(np.uint8)[..., None], 3, axis=-1)

    renderer = BatchSceneRenderer(painters={"negative": Negative()}.get)
    painted, geometry = renderer.render(
        [request_for(painter="negative"), request_for(painter="negative", paint=False, geometry=True)]
    )
    renderer.close()
    assert set(np.unique(painted.rgb)) == {0, 255} and painted.depth is None
    assert painted.painter_version == "negative-1+batch-2"
    assert geometry.rgb is None and geometry.depth is not None


def test_a_reply_does_not_depend_on_its_batch(batch_renderer, record):
    requests = _mixed_requests(record)
    alone = [_digest(batch_renderer.render([request])[0]) for request in requests]
    together = [_digest(reply) for reply in batch_renderer.render(requests)]
    backwards = [_digest(reply) for reply in batch_renderer.render(requests[::-1])][::-1]
    assert alone == together == backwards


def test_a_reply_does_not_depend_on_the_process_or_its_memory(batch_renderer, record, tmp_path):
    requests = _mixed_requests(record)
    for index, request in enumerate(requests):
        scalars = {name: getattr(request, name) for name in ("task", "cameras", "size", "painter", "seed")}
        np.savez(tmp_path / f"{index:02}.npz", **scalars, **vars(request.scene))
    done = subprocess.run(
        [sys.executable, "-P", "-c", OTHER_PROCESS, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [_digest(reply) for reply in batch_renderer.render(requests)]


def test_only_what_is_asked_for_is_returned(batch_renderer, request_for):
    colours, geometry = batch_renderer.render([request_for(), request_for(paint=False, geometry=True)])
    assert colours.rgb is not None and colours.depth is None and colours.segmentation is None
    assert geometry.rgb is None and geometry.depth is not None and geometry.segmentation is not None


def test_wrong_requests_are_refused(batch_renderer, request_for, record):
    with pytest.raises(ValueError, match="unknown camera 'corner9'.*did you mean"):
        batch_renderer.render([request_for(cameras=("corner9",))])
    with pytest.raises(ValueError, match="size must be in 8..1024"):
        batch_renderer.render([request_for(size=4)])
    with pytest.raises(ValueError, match="takes no prompt"):
        batch_renderer.render([request_for(prompt={"table": "oak"})])
    with pytest.raises(ValueError, match=r"scene.body_pos of drawer-close-v3 with sawyer must be"):
        batch_renderer.render([request_for("drawer-close-v3", scene=record("reach-v3")[1][0])])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_views": 0}, "max_views must be in 1..1024: got 0"),
        ({"max_tasks": 0}, "max_tasks must be at least 1: got 0"),
        ({"max_backdrops": 0}, "max_backdrops must be at least 1: got 0"),
        ({"page_size": 100}, "page_size must be a power of two in 16..2048: got 100"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        BatchSceneRendererConfig(**wrong)


def test_closing_twice_is_harmless_and_leaves_other_renderers_alone(batch_renderer, request_for):
    before = _digest(batch_renderer.render([request_for(geometry=True)])[0])
    other = BatchSceneRenderer()
    other.render([request_for()])
    other.close()
    other.close()
    assert _digest(batch_renderer.render([request_for(geometry=True)])[0]) == before


def _mixed_requests(record):
    """Two tasks, two sizes, both painters, resting and moving cameras."""
    return [
        RenderRequest(
            task=task, scene=scene, cameras=CAMERAS[: 1 + index % 3], size=48 if index % 2 else 64,
            painter="randomised" if index % 3 == 2 else "mujoco", seed=index, geometry=True,
        )
        for task in ("reach-v3", "drawer-close-v3")
        for index, scene in enumerate(record(task)[1])
    ]  # fmt: skip


def _digest(reply):
    arrays = (reply.rgb, reply.depth, reply.segmentation)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
