"""Frames per second of the scene renderer against ``mujoco.Renderer`` with its defaults, on the same states.

Both draw Meta-World's own cameras at 96 x 96 in one process, in turns, medians over the repetitions; Mesa
draws in the calling thread (``LP_NUM_THREADS=0``), so these are figures per core. ``vs_default_threaded``
compares with a second process in which Mesa may use every core for the default renderer.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

os.environ["MUJOCO_GL"] = "egl"
os.environ.setdefault("LP_NUM_THREADS", "0")

import mujoco
import numpy as np
from measurement import print_measurement
from recorded_scenes import draw_all, record_scenes

from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer, MujocoSceneRendererConfig
from potstill.envs.rendering.records import RenderRequest
from potstill.envs.rendering.render_config import DEFAULT_CAMERAS
from potstill.envs.rendering.render_model import RenderModelConfig
from potstill.envs.rendering.warp import warp_keyframe

STOCK_ONLY = "--stock-only"
TASK = "reach-v3"
CAMERAS = ("corner", "corner2")
SIZE = 96
FULL_DETAIL = RenderModelConfig(face_fraction=1.0, sphere_slices=28, sphere_stacks=16)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer states and repetitions, under a minute")
    parser.add_argument(STOCK_ONLY, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    states, repetitions = (3, 3) if options.quick else (8, 7)
    recorded = record_scenes(TASK, states, every=5)
    stock = mujoco.Renderer(recorded[0].model, SIZE, SIZE)
    if options.stock_only:
        print(
            _median_seconds([lambda: _stock_colours(stock, recorded)], repetitions)[0]
            / (states * len(CAMERAS))
        )
        return
    print_measurement("render", *_measure(stock, recorded, repetitions, options.quick))


def _measure(stock, recorded, repetitions, quick):
    ours = MujocoSceneRenderer()
    full = MujocoSceneRenderer(MujocoSceneRendererConfig(model=FULL_DETAIL))
    scenes = [one.scene for one in recorded]
    sides = {
        "default_rgb": lambda: _stock_colours(stock, recorded),
        "ours_rgb": lambda: ours.render(_requests(scenes)),
        "default_rgb_depth_segmentation": lambda: _stock_everything(stock, recorded),
        "ours_rgb_depth_segmentation": lambda: ours.render(_requests(scenes, geometry=True)),
        "ours_depth_segmentation": lambda: ours.render(_requests(scenes, geometry=True, paint=False)),
        "full_meshes_same_flags_rgb": lambda: full.render(_requests(scenes)),
        "ours_rgb_workspace_cameras_64px": lambda: ours.render(
            _requests(scenes, cameras=DEFAULT_CAMERAS, size=64)
        ),
    }
    seconds = dict(zip(sides, _median_seconds(list(sides.values()), repetitions)))
    ms = {name: 1e3 * value / (len(scenes) * len(CAMERAS)) for name, value in seconds.items()}
    figures = {f"{name}_ms": value for name, value in ms.items()}
    figures["default_frames_per_s"] = 1e3 / ms["default_rgb"]
    figures["ours_frames_per_s"] = 1e3 / ms["ours_rgb"]
    figures["pixel_difference_of_255"] = _pixel_difference(ours, full, scenes)
    figures["warp_64px_ms"] = _warp_ms(ours, scenes, 64)
    figures["warp_96px_ms"] = _warp_ms(ours, scenes, 96)
    figures["default_rgb_threaded_ms"] = threaded = _stock_threaded_ms(quick)
    ratios = {
        "vs_default": ms["default_rgb"] / ms["ours_rgb"],
        "vs_default_threaded": threaded / ms["ours_rgb"],
        "three_outputs_vs_default": ms["default_rgb_depth_segmentation"] / ms["ours_rgb_depth_segmentation"],
        "vs_full_meshes_same_flags": ms["full_meshes_same_flags_rgb"] / ms["ours_rgb"],
    }
    for renderer in (ours, full):
        renderer.close()
    return figures, ratios


def _requests(scenes, *, cameras=CAMERAS, size=SIZE, **wanted):
    return [RenderRequest(task=TASK, scene=scene, cameras=cameras, size=size, **wanted) for scene in scenes]


def _stock_colours(stock, recorded):
    for one in recorded:
        for camera in CAMERAS:
            stock.update_scene(one.data, camera)
            stock.render()


def _stock_everything(stock, recorded):
    for one in recorded:
        for camera in CAMERAS:
            draw_all(stock, one.data, camera)


def _median_seconds(sides, repetitions):
    """Median duration of each side, the sides taking turns, after a warm-up of each."""
    for side in sides:
        side()
    durations = [[] for _ in sides]
    for _ in range(repetitions):
        for side, taken in zip(sides, durations):
            started = time.perf_counter()
            side()
            taken.append(time.perf_counter() - started)
    return [statistics.median(taken) for taken in durations]


def _pixel_difference(ours, full, scenes):
    cameras = (*CAMERAS, *DEFAULT_CAMERAS)
    pairs = zip(*(renderer.render(_requests(scenes, cameras=cameras)) for renderer in (ours, full)))
    return float(np.mean([np.abs(a.rgb.astype(int) - b.rgb).mean() for a, b in pairs]))


def _warp_ms(ours, scenes, size):
    keyframe, *later = ours.render(_requests(scenes, cameras=DEFAULT_CAMERAS, size=size, geometry=True))
    durations = []
    for _ in range(10):
        for reply, scene in zip(later, scenes[1:]):
            started = time.perf_counter()
            warp_keyframe(keyframe, scenes[0], reply, scene)
            durations.append(time.perf_counter() - started)
    return 1e3 * statistics.median(durations) / len(DEFAULT_CAMERAS)


def _stock_threaded_ms(quick):
    environment = {**os.environ, "LP_NUM_THREADS": str(len(os.sched_getaffinity(0)))}
    command = [sys.executable, __file__, STOCK_ONLY, *(["--quick"] if quick else [])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
    return 1e3 * float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
