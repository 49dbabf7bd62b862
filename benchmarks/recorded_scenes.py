"""Scenes of a seeded episode, for MuJoCo's own renderer and for ours, and MuJoCo's way of drawing them."""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np

from potstill.envs.drawable_copy import drawable_copy
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.records import SceneState


class RecordedScene(NamedTuple):
    """One moment."""

    model: mujoco.MjModel
    """Meta-World's whole model; the same for all scenes of an episode."""
    data: mujoco.MjData
    scene: SceneState


def record_scenes(task: str, count: int, *, every: int = 1) -> list[RecordedScene]:
    """``count`` scenes, ``every`` steps apart, of an episode acted at random."""
    env, rng = MetaWorldEnv(task), np.random.default_rng(1)
    env.reset(seed=1)
    model, recorded = None, []
    for _ in range(count):
        model, data = drawable_copy(env.simulation, model)
        recorded.append(RecordedScene(model, data, env.scene_state()))
        for action in rng.uniform(-1, 1, (every, 4)).astype(np.float32):
            env.step(action)
    return recorded


def draw_all(stock: mujoco.Renderer, data: mujoco.MjData, camera: str) -> None:
    """RGB, depth and segmentation by MuJoCo's renderer, as its users do."""
    stock.update_scene(data, camera)
    stock.render()
    stock.enable_depth_rendering()
    stock.render()
    stock.enable_segmentation_rendering()
    stock.render()
    stock.disable_segmentation_rendering()
