from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from potstill.envs.rendering.painter import load_painter
from potstill.envs.rendering.procedural_painter import ProceduralPainter
from potstill.envs.rendering.records import RenderReply, RenderRequest, SceneState
from potstill.envs.rendering.scene_regions import SceneRegions
from potstill.envs.rendering.warp import warp_keyframe
from potstill.experience.prompt_collection import PromptCollection

OAK = {
    "table": "oak planks", "robot": "brushed steel", "object": "red plastic", "goal": "green lamp",
    "background": "grey concrete", "light": "noon",
}  # fmt: skip


@pytest.fixture(scope="module")
def painter():
    return ProceduralPainter()


@pytest.fixture
def geometry_of(renderer):
    """Depth and segmentation of a request's scene."""
    return lambda request: renderer.render(
        [replace(request, painter="mujoco", prompt={}, paint=False, geometry=True)]
    )[0]


@pytest.fixture
def painted(painter, geometry_of, request_for):
    """``painted(prompt, **settings)``: (C, H, W, 3) of reach-v3, or of ``task``."""

    def paint(prompt=OAK, **settings):
        request = request_for(painter="procedural", prompt=prompt, **settings)
        return painter.paint_image(geometry_of(request), request)

    return paint


def difference(one, other):
    return float(np.abs(one.astype(float) - other).mean())


def flat_wall():
    """A wall of the table's body, 1 m away, seen straight on, and a request for it; made without OpenGL."""
    regions = SceneRegions.of("reach-v3", "sawyer")
    bodies = len(regions.region_of_body)
    quat = np.tile([1.0, 0.0, 0.0, 0.0], (bodies, 1))
    scene = SceneState(body_pos=np.zeros((bodies, 3)), body_quat=quat, site_pos=np.full((8, 3), 9.0))
    table = regions.region_of_body.index("table")
    reply = RenderReply(
        rgb=None, depth=np.ones((1, 32, 32), np.float32), segmentation=np.full((1, 32, 32), table, np.int16),
        camera_pose=np.concatenate([[0, 0, 1], np.eye(3).ravel()])[None].astype(np.float32),
        fovy=np.array([40.0], np.float32), painter_version="",
    )  # fmt: skip
    request = RenderRequest(
        task="reach-v3", scene=scene, cameras=("wall",), size=32, painter="procedural", seed=3, prompt=OAK
    )
    return reply, request


def test_the_scene_renderer_paints_by_name(renderer, request_for):
    request = request_for(painter="procedural", prompt=OAK, seed=1)
    reply = renderer.render([request])[0]
    assert reply.rgb.shape == (1, 48, 48, 3) and reply.rgb.dtype == np.uint8
    assert reply.painter_version == ProceduralPainter.version and reply.depth is None


def test_the_same_request_gives_the_same_bytes_whatever_was_painted_before(painted):
    first = painted(seed=4)
    painted({"table": "snow"}, seed=5)
    assert np.array_equal(painted(seed=4), first)


def test_another_process_paints_the_same_bytes():
    script = (
        "import sys, hashlib; sys.path.insert(0, sys.argv[1])\n"
        "import test_procedural_painter as t\n"
        "print(hashlib.sha256(t.ProceduralPainter().paint_image(*t.flat_wall()).tobytes()).hexdigest())"
    )
    folder = __file__.rsplit("/", 1)[0]
    done = subprocess.run(
        [sys.executable, "-c", script, folder], capture_output=True, text=True, timeout=120, check=True
    )
    here = load_painter("procedural").paint_image(*flat_wall())
    assert done.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


def test_prompts_seeds_and_words_no_lexicon_knows_all_change_the_picture(painted):
    oak = painted(seed=1)
    assert difference(oak, painted(seed=2)) > 2
    assert difference(oak, painted({**OAK, "table": "blue and white tiles"}, seed=1)) > 10
    assert difference(oak, painted({**OAK, "light": "neon at night"}, seed=1)) > 10
    strange = [painted({**OAK, "table": word}, seed=1) for word in ("xyzzy", "plugh", "frobnitz")]
    assert min(difference(strange[i], strange[j]) for i, j in ((0, 1), (0, 2), (1, 2))) > 3


def test_a_hundred_prompts_of_the_collection_all_look_different(painter, geometry_of, request_for):
    request = request_for(size=32, painter="procedural")
    geometry = geometry_of(request)
    prompts = PromptCollection.find("tabletop-v1").prompts[:100]
    looks = np.stack(
        [painter.paint_image(geometry, replace(request, prompt=prompt.texts()))[0] for prompt in prompts]
    ).reshape(100, -1)
    distances = np.abs(looks[:, None].astype(np.int16) - looks[None]).mean(axis=-1) + 255 * np.eye(100)
    assert distances.min() > 2.5
    assert 40 < looks.mean() < 180 and (looks.std(axis=1) > 10).all()


def test_colour_words_give_their_colours_to_their_regions(painted, geometry_of, request_for):
    bodies = geometry_of(request_for()).segmentation[0]
    regions = np.array([*SceneRegions.of("reach-v3", "sawyer").region_of_body, "background"])[bodies]
    picture = painted({**OAK, "table": "red paint", "robot": "blue paint", "background": "green paint"})[0]
    for region, channel in (("table", 0), ("robot", 2), ("background", 1)):
        assert picture[regions == region].mean(axis=0).argmax() == channel, region


def test_the_goal_differs_from_what_is_behind_it_even_when_the_words_do_not(painted):
    same = {region: "grey paint" for region in ("table", "robot", "object", "goal", "background")}
    for light in ("noon", "night", "fog"):
        picture = painted({**same, "light": light}, size=64)[0].astype(float)
        distance = np.abs(picture - np.median(picture.reshape(-1, 3), axis=0)).max(axis=-1)
        assert (distance > 40).sum() >= 8, light


def test_textures_ride_on_their_bodies(painter):
    reply, request = flat_wall()
    before = painter.paint_image(reply, request)
    # Body and camera move together: the same picture, except for the sensor's noise.
    moved = replace(request.scene, body_pos=request.scene.body_pos + (0.3, -0.2, 0.1))
    pose = reply.camera_pose + np.array([0.3, -0.2, 0.1, *[0] * 9], np.float32)
    after = painter.paint_image(replace(reply, camera_pose=pose), replace(request, scene=moved))
    assert difference(before, after) < 2
    # Only the body moves: another piece of the texture is seen.
    assert difference(before, painter.paint_image(reply, replace(request, scene=moved))) > 4


@pytest.mark.parametrize(("task", "camera"), [("drawer-open-v3", "potstill_left"), ("push-v3", "gripperPOV")])
def test_painting_again_is_what_warping_aims_at(renderer, record, task, camera):
    _, scenes = record(task, 12)
    quality = []
    for prompt in PromptCollection.find("tabletop-v1").prompts[::45]:
        requests = [
            RenderRequest(
                task=task, scene=scene, cameras=(camera,), size=96, painter="procedural", seed=prompt.id,
                prompt=prompt.texts(), geometry=True,
            )
            for scene in (scenes[8], scenes[10])
        ]  # fmt: skip
        keyframe, now = renderer.render(requests)
        warped = warp_keyframe(keyframe, scenes[8], now, scenes[10])
        error = (warped.rgb.astype(float) - now.rgb)[warped.valid]
        quality.append(10 * np.log10(255**2 / (error**2).mean()))
    assert np.median(quality) > 35, quality


def test_lower_strength_lets_edges_and_colours_stray(painter, geometry_of, request_for):
    request = request_for(painter="procedural", prompt=OAK, size=64)
    geometry = geometry_of(request)
    whole, loose, looser = (
        painter.paint_image(geometry, replace(request, strength=strength)) for strength in (1.0, 0.7, 0.2)
    )
    assert 1 < difference(whole, loose) < difference(whole, looser)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(painter, strength):
    reply, request = flat_wall()
    with pytest.raises(ValueError, match=r"strength must be in 0..1"):
        painter.paint_image(reply, replace(request, strength=strength))


def test_a_scene_without_any_words_is_painted_by_the_seed(painted):
    assert difference(painted({}, seed=1), painted({}, seed=2)) > 5


def test_fog_hides_what_is_far(painted):
    clear = painted({**OAK, "background": "black and white chessboard"}, cameras=("corner2",))
    fog = painted({**OAK, "background": "black and white chessboard", "light": "fog"}, cameras=("corner2",))
    assert fog[0, :12].astype(float).std() < 0.7 * clear[0, :12].astype(float).std()


def test_a_prompt_for_a_region_that_there_is_not_is_refused(painter):
    reply, request = flat_wall()
    with pytest.raises(
        ValueError, match="table, robot, object, goal, background, light, negative: got 'flor'"
    ):
        painter.paint_image(reply, replace(request, prompt={"flor": "oak"}))


def test_a_picture_larger_than_the_table_of_noise_is_painted(painter):
    reply, request = flat_wall()
    large = replace(
        reply, depth=np.ones((1, 900, 900), np.float32), segmentation=np.ones((1, 900, 900), np.int16)
    )
    picture = painter.paint_image(large, request)
    assert picture.shape == (1, 900, 900, 3) and picture[0, -100:].std() > 5
