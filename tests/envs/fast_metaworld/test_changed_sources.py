from __future__ import annotations

import mujoco
import numpy as np
import pytest
from gymnasium.envs.mujoco import MujocoEnv
from metaworld.sawyer_xyz_env import SawyerXYZEnv

from potstill.envs.fast_metaworld import changed_sources as module
from potstill.envs.fast_metaworld.changed_sources import changed_sources
from potstill.envs.fast_metaworld.fast_step import FastStep


def test_the_installed_libraries_are_those_recorded() -> None:
    assert changed_sources() == []


def test_everything_that_fast_stepping_overrides_is_watched() -> None:
    stock = {
        name
        for base in SawyerXYZEnv.__mro__[: SawyerXYZEnv.__mro__.index(MujocoEnv) + 1]
        for name in vars(base)
    }
    overridden = set(vars(FastStep)) & stock
    overridden = {name for name in overridden if not name.startswith("__")} - {"_abc_impl"}

    assert overridden >= {"step", "_get_obs", "_reset_hand", "tcp_center"}
    assert overridden <= set(module._WATCHED)


@pytest.mark.parametrize("name", sorted(module._WATCHED))
def test_a_changed_method_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def other() -> None:
        """Not what was recorded."""

    monkeypatch.setitem(module._WATCHED, name, other)
    assert changed_sources() == [name]


def test_a_library_that_computes_otherwise_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np.linalg, "norm", lambda x: np.float64(1.0))
    assert changed_sources() == ["numpy.linalg.norm"]


def test_physics_made_of_other_parts_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mujoco, "mj_referenceConstraint", lambda model, data: None)
    assert changed_sources() == ["mujoco.mj_step"]
