"""Stock environments whose episodes are fixed by a seed, with any arm."""

from __future__ import annotations

from functools import lru_cache

import mujoco
import pytest

from potstill.envs.robots.build_task import build_task
from potstill.envs.robots.task_spec import task_spec


@pytest.fixture
def begin():
    """``begin(task, robot, seed)``: an environment after its reset, and the observation."""

    def build(task, robot, seed=7):
        env = build_task(task, robot)
        env._freeze_rand_vec, env.seeded_rand_vec, env._set_task_called = False, True, True
        env._partially_observable = False
        env.__dict__.pop("sawyer_observation_space", None)
        env.seed(seed)
        observation, _ = env.reset()
        return env, observation

    return build


@pytest.fixture(scope="session")
def compiled():
    """``compiled(task, robot)``: the model as it is built, kept while it is likely to be asked for again."""
    # All of them together are gigabytes of meshes.
    return lru_cache(maxsize=16)(lambda task, robot: task_spec(task, robot).compile())


@pytest.fixture
def at_rest(compiled):
    """``at_rest(task, robot)``: model and data in the rest pose, everything placed."""

    def build(task, robot):
        model = compiled(task, robot)
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        return model, data

    return build
