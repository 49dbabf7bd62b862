"""Scenes recorded from live Meta-World environments, and one renderer for all tests."""

from __future__ import annotations

import os

# Read by Mesa when the first context is made: draw in this thread, as a render worker does.
os.environ.setdefault("LP_NUM_THREADS", "0")

import mujoco.egl
import numpy as np
import pytest

from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.records import RenderRequest


@pytest.fixture(scope="session")
def renderer():
    """One renderer with default settings."""
    renderer = MujocoSceneRenderer()
    yield renderer
    renderer.close()


@pytest.fixture(scope="session")
def record():
    """``record(task, steps)``: an environment after some seeded random steps, and the scenes on the way."""
    known = {}

    def play(task, steps=6, seed=5):
        if (task, steps, seed) not in known:
            env = MetaWorldEnv(task)
            env.reset(seed=seed)
            rng = np.random.default_rng(seed)
            scenes = [env.scene_state()]
            for _ in range(steps):
                env.step(rng.uniform(-1, 1, 4).astype(np.float32))
                scenes.append(env.scene_state())
            known[task, steps, seed] = env, scenes
        return known[task, steps, seed]

    return play


@pytest.fixture
def request_for(record):
    """``request_for(task, ...)``: a small request of that task's last recorded scene."""

    def build(task="reach-v3", **settings):
        settings = {"cameras": ("potstill_left",), "size": 48, "scene": record(task)[1][-1], **settings}
        return RenderRequest(task=task, **settings)

    return build


@pytest.fixture
def stock_renderer(monkeypatch):
    """``stock_renderer(model, size)``: MuJoCo's own renderer with its own flags, over EGL."""
    # mujoco picks its context class when it is first imported, whoever does that.
    monkeypatch.setattr("mujoco.gl_context.GLContext", mujoco.egl.GLContext, raising=False)
    opened = []

    def build(model, size):
        opened.append(mujoco.Renderer(model, size, size))
        return opened[-1]

    yield build
    for one in opened:
        one.close()
