"""Turns a Meta-World environment into one that steps faster and gives the same bits."""

from __future__ import annotations

import functools
import logging
import weakref
from typing import Any

import mujoco
import numpy as np
from gymnasium.envs.mujoco import MujocoEnv
from metaworld.utils import reward_utils
from scipy.spatial.transform import Rotation

from potstill.envs.fast_metaworld.cached_data import CachedData
from potstill.envs.fast_metaworld.changed_sources import changed_sources
from potstill.envs.fast_metaworld.fast_numpy import fast_numpy
from potstill.envs.fast_metaworld.fast_rewards import fast_rewards
from potstill.envs.fast_metaworld.fast_rotation import FastRotation
from potstill.envs.fast_metaworld.fast_step import FastStep
from potstill.envs.fast_metaworld.light_model import light_model
from potstill.envs.fast_metaworld.rebound_methods import rebound_methods

_LOG = logging.getLogger(__name__)


def accelerate(env: Any, spec: mujoco.MjSpec) -> bool:
    """Give ``env`` fast methods, in place: observations, rewards and infos stay the same to the last bit.

    Args:
        env: A ``SawyerXYZEnv``, of any task and robot, before its first ``reset``. Its model is replaced by one
            that moves alike and cannot be drawn.
        spec: From which its model was compiled; is changed.

    Returns:
        False, with ``env`` left as it is and one warning per process, where the installed libraries are not the
        ones against which the fast methods were written.
    """
    if not _libraries_are_known():
        return False
    env.model = light_model(env.model, spec)
    env.data = CachedData(env.model)
    weakref.finalize(env, env.data.forget)  # else model and data, 10 MB, would outlive their environment
    mujoco.mj_forward(env.model, env.data)
    env.mujoco_renderer = None  # it holds the model that was replaced
    env.init_left_pad = env.get_body_com("leftpad")  # live views, hence of the new data
    env.init_right_pad = env.get_body_com("rightpad")
    stock: Any = type(env)
    env.__class__ = _fast_class(stock)
    return True


@functools.cache
def _libraries_are_known() -> bool:
    changed = changed_sources()
    if changed:
        _LOG.warning(
            "Meta-World steps at its own pace: %s differ from what potstill replaces", ", ".join(changed)
        )
    return not changed


@functools.cache
def _fast_class(cls: type) -> type:
    fast = type(f"Fast{cls.__name__}", (cls, FastStep), {})
    for base in reversed(cls.__mro__[: cls.__mro__.index(MujocoEnv)]):
        # Tasks call their own static methods by the name of their class: that becomes the fast one, too.
        for name, method in rebound_methods(base, {**_stand_ins(), id(base): fast}).items():
            if base not in FastStep.__mro__ or name not in vars(FastStep):
                setattr(fast, name, method)
    return fast


@functools.cache
def _stand_ins() -> dict[int, Any]:
    """What the methods of Meta-World find instead of the modules and functions that they name."""
    rewards = fast_rewards()
    return {
        id(np): fast_numpy(),
        id(reward_utils): rewards,
        id(reward_utils.tolerance): rewards.tolerance,
        id(Rotation): FastRotation,
    }
