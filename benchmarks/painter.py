"""The batch renderer, the procedural painter and the warp, 96 x 96 pixels, against MuJoCo's rasteriser.

``batch_vs_default``: colours, depth and segmentation by ``mujoco.Renderer`` with its defaults (three passes);
``batch_vs_tuned``: the same by our tuned MuJoCo renderer on equal meshes. ``paint_ms`` and ``warp_ms`` are of
consecutive steps of one episode: what has not changed since the step before is not painted again. Before a moving
camera everything changes (``*_moving_camera_ms``). All in one process, in turns, medians of
CPU time; Mesa draws in the calling thread (``LP_NUM_THREADS=0``), so these are figures per core. The likeness is
taken on full meshes, over tasks and cameras: of every body with more than 20 pixels the overlap (IoU), and of every
picture the median difference in depth. Where two bodies lie in one plane, either may show (``coplanar``: the bodies
differ and the depths agree to 0.01 mm); ``segmentation_iou_min`` counts such pixels as errors,
``segmentation_iou_min_without_coplanar`` leaves them out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from dataclasses import replace

os.environ["MUJOCO_GL"] = "egl"
os.environ["LP_NUM_THREADS"] = "0"

import mujoco
import numpy as np
from measurement import print_measurement
from recorded_scenes import draw_all, record_scenes

from potstill.envs.rendering.batch_scene_renderer import BatchSceneRenderer, BatchSceneRendererConfig
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer, MujocoSceneRendererConfig
from potstill.envs.rendering.painter import load_painter
from potstill.envs.rendering.records import RenderRequest
from potstill.envs.rendering.render_config import CAMERA_NAMES, DEFAULT_CAMERAS
from potstill.envs.rendering.render_model import RenderModelConfig
from potstill.envs.rendering.warp import warp_keyframe
from potstill.envs.task_names import TASK_NAMES

TASK, CAMERA, SIZE, BATCH, DEMO_SIZE = "reach-v3", "corner", 96, 64, 64
MOVING_CAMERA = "gripperPOV"
PROMPT = {
    "table": "old oak planks",
    "object": "red plastic",
    "background": "concrete wall",
    "light": "warm evening",
}
FULL_DETAIL = RenderModelConfig(face_fraction=1.0, sphere_slices=28, sphere_stacks=16)
SMALLEST_BODY = 20
#: m: closer surfaces are in one plane.
COPLANAR = 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and tasks, about a minute")
    options = parser.parse_args()
    repetitions, tasks = (3, TASK_NAMES[::10]) if options.quick else (7, TASK_NAMES)
    figures, ratios = _speed(record_scenes(TASK, BATCH), repetitions)
    figures |= _likeness(tasks)
    print_measurement("painter", figures, ratios)


def _speed(recorded, repetitions):
    stock = mujoco.Renderer(recorded[0].model, SIZE, SIZE)
    batch, tuned = BatchSceneRenderer(), MujocoSceneRenderer()
    scenes = [one.scene for one in recorded]
    requests = _requests(scenes, geometry=True)
    demo = _requests(scenes, cameras=DEFAULT_CAMERAS, size=DEMO_SIZE)
    painter, replies = load_painter("procedural"), batch.render(requests)
    wrist = _requests(scenes[:16], cameras=(MOVING_CAMERA,), geometry=True)
    wrist_replies = batch.render(wrist)
    prompted, wrist = (
        [replace(request, painter="procedural", prompt=PROMPT, seed=1) for request in some]
        for some in (requests[:16], wrist)
    )
    sides = {
        "scene": (lambda: batch.render(requests), BATCH),
        "scene_batch_of_4": (lambda: batch.render(requests[:4]), 4),
        "scene_batch_of_1": (lambda: batch.render(requests[:1]), 1),
        "tuned": (lambda: tuned.render(requests[:8]), 8),
        "default": (lambda: draw_all(stock, recorded[0].data, CAMERA), 1),
        "demo_rgb": (lambda: batch.render(demo[:4]), 8),
        "demo_rgb_tuned": (lambda: tuned.render(demo[:4]), 8),
        "paint": (lambda: _paint(painter, replies, prompted), len(prompted)),
        "paint_moving_camera": (lambda: _paint(painter, wrist_replies, wrist), len(wrist)),
        "warp": (lambda: _warp(replies[:16], scenes), 15),
        "warp_moving_camera": (lambda: _warp(wrist_replies, scenes), 15),
    }
    ms = _median_ms(sides, repetitions)
    ratios = {
        "batch_vs_default": ms["default"] / ms["scene"],
        "batch_vs_tuned": ms["tuned"] / ms["scene"],
        "demo_size_batch_of_4_vs_tuned": ms["demo_rgb_tuned"] / ms["demo_rgb"],
    }
    for renderer in (batch, tuned, stock):
        renderer.close()
    return {f"{name}_ms": value for name, value in ms.items()}, ratios


def _requests(scenes, *, task=TASK, cameras=(CAMERA,), size=SIZE, **wanted):
    return [RenderRequest(task=task, scene=scene, cameras=cameras, size=size, **wanted) for scene in scenes]


def _paint(painter, replies, prompted):
    for reply, request in zip(replies, prompted):
        painter.paint_image(reply, request)


def _warp(replies, scenes):
    for reply, scene in zip(replies[1:], scenes[1:]):
        warp_keyframe(replies[0], scenes[0], reply, scene)


def _median_ms(sides, repetitions):
    """Median CPU milliseconds of one picture of each side, the sides taking turns, after a warm-up of each."""
    for side, _ in sides.values():
        side()
    taken = {name: [] for name in sides}
    for _ in range(repetitions):
        for name, (side, pictures) in sides.items():
            started = time.process_time()
            side()
            taken[name].append(1e3 * (time.process_time() - started) / pictures)
    return {name: statistics.median(values) for name, values in taken.items()}


def _likeness(tasks):
    batch = BatchSceneRenderer(BatchSceneRendererConfig(model=FULL_DETAIL, max_tasks=1))
    reference = MujocoSceneRenderer(MujocoSceneRendererConfig(model=FULL_DETAIL, max_tasks=1))
    overlaps, overlaps_apart, depth_errors, colours = [], [], [], []
    for task in tasks:
        scenes = [one.scene for one in record_scenes(task, 2, every=4)]
        requests = _requests(scenes, task=task, cameras=CAMERA_NAMES, geometry=True)
        for ours, theirs in zip(batch.render(requests), reference.render(requests)):
            for index in range(len(CAMERA_NAMES)):
                one, other = ours.segmentation[index], theirs.segmentation[index]
                depth_error = np.abs(ours.depth[index] - theirs.depth[index])
                overlaps += _overlaps(one, other)
                overlaps_apart += _overlaps(np.where(depth_error < COPLANAR, other, one), other)
                depth_errors.append(float(np.median(depth_error)))
                colours.append(float(np.abs(ours.rgb[index].astype(int) - theirs.rgb[index]).mean()))
    batch.close()
    reference.close()
    return {
        "tasks_compared": len(tasks),
        "pictures_compared": len(colours),
        "bodies_compared": len(overlaps),
        "bodies_below_iou_97_percent": sum(overlap < 0.97 for overlap in overlaps),
        "segmentation_iou_min": min(overlaps),
        "segmentation_iou_min_without_coplanar": min(overlaps_apart),
        "segmentation_iou_mean": statistics.mean(overlaps),
        "median_depth_error_max_mm": 1e3 * max(depth_errors),
        "pixel_difference_of_255_mean": statistics.mean(colours),
        "pixel_difference_of_255_max": max(colours),
    }


def _overlaps(ours, theirs):
    bodies, pixels = np.unique(theirs, return_counts=True)
    large = bodies[(pixels > SMALLEST_BODY) & (bodies >= 0)]
    return [
        float(((ours == body) & (theirs == body)).sum() / ((ours == body) | (theirs == body)).sum())
        for body in large
    ]


if __name__ == "__main__":
    main()
