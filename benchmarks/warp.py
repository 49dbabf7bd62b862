"""The warp against what it stands for: pictures painted again, rays cast again, positions computed in float64.

A Meta-World task is played by its oracle and painted with prompts of the collection, 96 x 96 pixels. Textures of the
procedural painter are fixed to bodies, so the same scene painted again is the truth for a warped keyframe. It is taken
as it is: highlights and shading move over turning bodies, haze changes with distance and every exposure has its own
noise; the warp can follow none of these, and all of them count as errors. PSNR is of the pooled squared error of all
valid pixels (``psnr_*``); ``psnr_of_moved_*`` only of those pixels whose body or camera moved.

``field_error_px_max`` compares the warp's float32 field with float64, pixel by pixel; ``translation_error_px_max``
reads the way of a ramp of colours that was moved by known distances. ``occlusion_iou`` compares valid pixels with rays
cast from the keyframe's camera. ``by_interval`` runs the rollout worker's picture stream (8 episodes at a time) and
counts the painter's calls: without refusals they must be ceil(T / k). All times are CPU time of one core per picture.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from dataclasses import replace

os.environ["MUJOCO_GL"] = "egl"
os.environ["LP_NUM_THREADS"] = "0"

import mujoco
import numpy as np
from measurement import print_measurement

from potstill.actors.keyframe_pictures import KeyframePictures
from potstill.actors.look_sequence import Look
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.open_scene_renderer import open_scene_renderer
from potstill.envs.rendering.records import RenderReply, RenderRequest, SceneState
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.rendering.render_model import RenderModel
from potstill.envs.rendering.rotation_matrices import rotation_matrices
from potstill.envs.rendering.warp import warp_keyframe
from potstill.envs.rendering.warp_field import WarpField
from potstill.envs.teachers import OracleTeacher
from potstill.experience.prompt_collection import PromptCollection

SIZE, RAY_SIZE, EPISODES = 96, 384, 8
#: Environment steps in one decision, as in the recipes.
ACTION_REPEAT = 3
FIXED, MOVING = ("potstill_left", "potstill_right", "corner"), ("gripperPOV", "behindGripper")
INTERVALS = (1, 3, 7, 15)
#: Of the adaptive keyframes.
MAX_INVALID_FRACTION = 0.05


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one task and fewer prompts, under a minute")
    options = parser.parse_args()
    tasks = ("drawer-open-v3",) if options.quick else ("drawer-open-v3", "push-v3", "door-open-v3")
    prompts = PromptCollection.find("tabletop-v1").prompts[:: 75 if options.quick else 15]
    renderer = open_scene_renderer("batch")
    figures = {
        "tasks": list(tasks),
        "prompts": len(prompts),
        "translation_error_px_max": _translation_error(),
    }
    for task in tasks:
        scenes = _play(task, 45)
        overlap, left_out = _occlusion_iou(renderer, task, scenes)
        figures[task] = {
            **_quality(renderer, task, scenes, prompts),
            "zero_motion_identical": _zero_motion(renderer, task, scenes, prompts),
            "field_error_px_max": _field_error(renderer, task, scenes),
            "occlusion_iou": overlap,
            "occlusion_left_out": left_out,
        }
    task = tasks[0]
    figures["by_interval"] = _by_interval(renderer, task, _play(task, 45), prompts[:EPISODES])
    first = figures["by_interval"]["k_1"]["ms_per_picture"]
    ratios = {
        f"speed_up_k_{k}": first / figures["by_interval"][f"k_{k}"]["ms_per_picture"] for k in INTERVALS[1:]
    }
    renderer.close()
    print_measurement("warp", figures, ratios)


def _play(task, decisions):
    """Scenes of the oracle's episode with seed 1, one for each decision."""
    env, oracle = MetaWorldEnv(task), OracleTeacher(task)
    observation, _ = env.reset(seed=1)
    scenes = [env.scene_state()]
    for _ in range(decisions - 1):
        action = oracle.act(observation["privileged"]).astype(np.float32)
        for _ in range(ACTION_REPEAT):
            observation, *_ = env.step(action)
        scenes.append(env.scene_state())
    return scenes


def _requests(task, scenes, prompt, cameras, **wanted):
    wanted = {"size": SIZE, "painter": "procedural", "seed": prompt.id, "prompt": prompt.texts(), **wanted}
    return [
        RenderRequest(task=task, scene=scene, cameras=cameras, geometry=True, **wanted) for scene in scenes
    ]


def _quality(renderer, task, scenes, prompts):
    """By interval: PSNR (dB) and share of valid pixels of all steps between keyframes, by camera."""
    comparisons = {f"k_{interval}": _Comparison(interval) for interval in INTERVALS[1:]}
    for prompt in prompts:
        replies = renderer.render(_requests(task, scenes, prompt, (*FIXED, *MOVING)))
        for comparison in comparisons.values():
            comparison.add(replies, scenes)
    return {name: comparison.figures() for name, comparison in comparisons.items()}


class _Comparison:
    def __init__(self, interval):
        self._interval = interval
        cameras = len(FIXED + MOVING)
        self._errors = np.zeros(
            (cameras, 2, 2)
        )  # of all and of moved pixels: sum of squares, and their number
        self._pixels, self._milliseconds = np.zeros(cameras), []

    def add(self, replies, scenes):
        for step, truth in enumerate(replies):
            first = step - step % self._interval
            if first == step:
                continue
            pair = replies[first], scenes[first], truth, scenes[step]
            started = time.process_time()
            warped = warp_keyframe(*pair)
            self._milliseconds.append(1e3 * (time.process_time() - started) / len(truth.depth))
            moved = np.zeros(truth.depth.size, bool)
            moved[WarpField.between(*pair).moving] = True
            square = ((warped.rgb.astype(np.float32) - truth.rgb) ** 2).mean(axis=-1)
            for chosen, mask in enumerate((warped.valid, warped.valid & moved.reshape(warped.valid.shape))):
                self._errors[:, chosen, 0] += (square * mask).sum(axis=(1, 2))
                self._errors[:, chosen, 1] += mask.sum(axis=(1, 2))
            self._pixels += truth.depth[0].size

    def figures(self):
        figures = {"warp_ms": statistics.median(self._milliseconds)}
        for camera, (whole, moved), pixels in zip((*FIXED, *MOVING), self._errors, self._pixels):
            figures[f"psnr_{camera}"] = _psnr(*whole)
            figures[f"psnr_of_moved_{camera}"] = _psnr(*moved)
            figures[f"invalid_fraction_{camera}"] = 1.0 - float(whole[1] / pixels)
        return figures


def _psnr(squares, number):
    return 10 * math.log10(255**2 * number / squares)


def _zero_motion(renderer, task, scenes, prompts):
    replies = renderer.render(_requests(task, scenes[::9], prompts[0], (*FIXED, *MOVING)))
    frames = [warp_keyframe(reply, scene, reply, scene) for reply, scene in zip(replies, scenes[::9])]
    same = [np.array_equal(frame.rgb, reply.rgb) for frame, reply in zip(frames, replies)]
    return all(same) and all(frame.valid.all() for frame in frames)


def _translation_error():
    """A wall coloured by a ramp of 20 levels a pixel, 2 m away, moved sideways and down by known distances."""
    size, focal, depth, worst = 13, 6.5, 2.0, 0.0
    ramp = np.broadcast_to(np.arange(size, dtype=np.uint8) * 20, (size, size))
    key = _wall(size, depth, np.stack([ramp, ramp.T, ramp], axis=-1))
    for shift in np.linspace(-2.5, 2.5, 41):
        moved = np.array([shift, -0.5 * shift, 0.0]) * depth / focal
        frame = warp_keyframe(
            key, _one_body(depth, 0 * moved), _wall(size, depth), _one_body(depth, moved)
        ).rgb[0]
        for channel, way in ((frame[:, :, 0], shift), (frame[:, :, 1].T, 0.5 * shift)):
            wanted = np.arange(size) - way
            inside = (wanted >= 0) & (wanted <= size - 1)
            worst = max(worst, float(np.abs(channel[3:-3] / 20.0 - wanted)[:, inside].max()))
    return worst


def _wall(size, depth, rgb=None):
    """A camera at the origin looks along -z at body 1, 90 degrees wide."""
    return RenderReply(
        rgb=None if rgb is None else rgb[None],
        depth=np.full((1, size, size), depth, np.float32),
        segmentation=np.ones((1, size, size), np.int16),
        camera_pose=np.array([[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]], np.float32),
        fovy=np.array([90.0], np.float32),
        painter_version="ramp",
    )


def _one_body(depth, moved):
    position = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, -depth]])
    position[1] += moved
    upright = np.array([[1.0, 0, 0, 0], [1.0, 0, 0, 0]])
    return SceneState(body_pos=position, body_quat=upright, site_pos=np.zeros((0, 3)))


def _field_error(renderer, task, scenes):
    """The worst distance (pixels) between the field and the same in float64, over pixels before the camera."""
    prompt, cameras = PromptCollection.find("tabletop-v1").prompts[0], (*FIXED, *MOVING)
    key, *others = renderer.render(_requests(task, scenes[::9], prompt, cameras, paint=False))
    worst = 0.0
    for scene, now in zip(scenes[9::9], others):
        field = WarpField.between(key, scenes[0], now, scene)
        x, y, distance = _traced(key, scenes[0], now, scene, field.moving)
        seen = (distance > 0.05) & (np.abs(x) < 4 * SIZE) & (np.abs(y) < 4 * SIZE)
        worst = max(worst, float(np.hypot(field.x - x, field.y - y)[seen].max()))
    return worst


def _traced(key, key_scene, now, now_scene, pixels):
    """Column, row (pixels) and distance (m) in the keyframe's pictures, float64, step by step."""
    cameras, row, column = np.unravel_index(pixels, now.depth.shape)
    points = _points(now, cameras, column + 0.5, row + 0.5, now.depth.ravel()[pixels].astype(float))
    body = np.maximum(now.segmentation.ravel()[pixels], 0)
    local = np.einsum(
        "nji,nj->ni", rotation_matrices(now_scene.body_quat)[body], points - now_scene.body_pos[body]
    )
    points = (
        np.einsum("nij,nj->ni", rotation_matrices(key_scene.body_quat)[body], local)
        + key_scene.body_pos[body]
    )
    position, axes, focal = _camera(key)
    seen = np.einsum("nji,nj->ni", axes[cameras], points - position[cameras])
    scale = focal[cameras] / -seen[:, 2]
    half = now.depth.shape[1] / 2
    return seen[:, 0] * scale + half, half - seen[:, 1] * scale, -seen[:, 2]


def _points(reply, cameras, column, row, depth):
    """(n, 3) m: world points of pixels."""
    position, axes, focal = _camera(reply)
    half = reply.depth.shape[1] / 2
    rays = np.stack(
        [(column - half) / focal[cameras], (half - row) / focal[cameras], -np.ones(len(column))], axis=1
    )
    return np.einsum("nij,nj->ni", axes[cameras], rays * depth[:, None]) + position[cameras]


def _camera(reply):
    pose = reply.camera_pose.astype(float)
    focal = 0.5 * reply.depth.shape[1] / np.tan(np.deg2rad(reply.fovy.astype(float)) / 2)
    return pose[:, :3], pose[:, 3:].reshape(-1, 3, 3), focal


def _occlusion_iou(renderer, task, scenes):
    """Invalid pixels against those that rays say were hidden or outside: one camera, large pictures.

    Left out are pixels (their share comes second) that show or come from a place where rays and renderer disagree
    about what is seen: rays also meet the inner sides of meshes, which are not drawn.
    """
    away = [
        replace(scene, site_pos=scene.site_pos + 1000.0) for scene in (scenes[6], scenes[13])
    ]  # rays miss sites
    prompt = PromptCollection.find("tabletop-v1").prompts[0]
    key, now = renderer.render(_requests(task, away, prompt, FIXED[:1], size=RAY_SIZE))
    pixels = np.arange(now.depth.size)
    alike_then, alike_now = (
        np.abs(_ray_slack(task, reply, scene, *_traced(reply, scene, reply, scene, pixels))) < 0.005
        for reply, scene in ((key, away[0]), (now, away[1]))
    )
    x, y, distance = _traced(key, away[0], now, away[1], pixels)
    inside = (distance > 0) & (x >= 0) & (x < RAY_SIZE) & (y >= 0) & (y < RAY_SIZE)
    origin = y[inside].astype(int) * RAY_SIZE + x[inside].astype(int)
    alike_now[inside] &= alike_then[origin]
    hidden = ~inside
    hidden[inside] = _ray_slack(task, key, away[0], x[inside], y[inside], distance[inside]) < -0.005
    invalid = ~warp_keyframe(key, away[0], now, away[1]).valid.ravel()
    overlap = (invalid & hidden & alike_now).sum() / ((invalid | hidden) & alike_now).sum()
    return float(overlap), 1.0 - float(alike_now.mean())


def _ray_slack(task, reply, scene, x, y, distance):
    """(N,) m: what a ray from the reply's camera to each place meets first, less the way to that place."""
    render_model = RenderModel(task)
    render_model.place(scene)
    position, axes, focal = _camera(reply)
    half, groups, hit = RAY_SIZE / 2, np.array([1, 1, 1, 0, 0, 0], np.uint8), np.zeros(1, np.int32)
    rays = (
        np.stack([(x - half) / focal[0], (half - y) / focal[0], -np.ones(len(x))], axis=1) * distance[:, None]
    )
    lengths = np.linalg.norm(rays, axis=1)
    slack = np.empty(len(x))
    for index, (ray, length) in enumerate(zip(rays @ axes[0].T, lengths)):
        first = mujoco.mj_ray(
            render_model.model, render_model.data, position[0], ray / length, groups, 1, -1, hit
        )
        slack[index] = first - length if first >= 0 else 0.0 if length > 10.0 else np.inf
    return slack


def _by_interval(renderer, task, scenes, prompts):
    table = {}
    for interval in INTERVALS:
        plain, milliseconds = _stream(renderer, task, scenes, prompts, interval, 1.0)
        adaptive, _ = _stream(renderer, task, scenes, prompts, interval, MAX_INVALID_FRACTION)
        wanted = math.ceil(len(scenes) / interval)
        assert plain == [wanted] * len(prompts), (
            f"{plain} painter calls at k = {interval}, wanted {wanted} each"
        )
        table[f"k_{interval}"] = {
            "steps": len(scenes),
            "painter_calls": wanted,
            "painter_calls_adaptive": statistics.mean(adaptive),
            "ms_per_picture": milliseconds,
        }
    return table


def _stream(renderer, task, scenes, prompts, interval, max_invalid):
    """Painter's calls of each episode, and CPU ms for one picture; all episodes in lock-step."""
    config = RenderConfig(
        painter="procedural", size=SIZE, keyframe_interval=interval, max_invalid_fraction=max_invalid
    )
    looks = [Look(seed=prompt.id, prompt_id=prompt.id, prompt=prompt.texts()) for prompt in prompts]
    episodes = [
        KeyframePictures(task=task, config=config, look_at=lambda step, look=look: look) for look in looks
    ]
    started = time.process_time()
    for scene in scenes:
        requests = [pictures.request(scene) for pictures in episodes]
        for pictures, request, reply in zip(episodes, requests, renderer.render(requests)):
            if pictures.accept(request, reply) is None:
                again = pictures.request(scene, force_paint=True)
                pictures.accept(again, renderer.render([again])[0])
    spent = 1e3 * (time.process_time() - started)
    return [pictures.paint_calls for pictures in episodes], spent / (
        len(scenes) * len(prompts) * len(config.cameras)
    )


if __name__ == "__main__":
    main()
