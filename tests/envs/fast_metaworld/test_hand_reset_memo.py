from __future__ import annotations

import mujoco
import numpy as np
import pytest
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from potstill.envs.fast_metaworld.hand_reset_memo import HandResetMemo


@pytest.fixture
def simulation() -> tuple[mujoco.MjModel, mujoco.MjData]:
    env = ALL_V3_ENVIRONMENTS["drawer-open-v3"]()
    env.data.ctrl[:] = (-1, 1)
    env.data.mocap_pos[0] = (0.0, 0.6, 0.2)
    return env.model, env.data


def _start(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    mocap, ctrl = data.mocap_pos.copy(), data.ctrl.copy()
    mujoco.mj_resetData(model, data)
    data.mocap_pos[:], data.ctrl[:] = mocap, ctrl
    mujoco.mj_forward(model, data)


def _picture(data: mujoco.MjData) -> list[bytes]:
    names = "qpos qvel qacc qacc_warmstart xpos xquat xmat geom_xpos site_xpos cvel efc_force qfrc_constraint time"
    return [np.asarray(getattr(data, name)).tobytes() for name in names.split()] + [
        data.contact.dist.tobytes()
    ]


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fills with the number of steps of each call of ``mj_step``."""
    counts, step = [], mujoco.mj_step

    def counting(model: mujoco.MjModel, data: mujoco.MjData, nstep: int = 1) -> None:
        counts.append(nstep)
        step(model, data, nstep=nstep)

    monkeypatch.setattr(mujoco, "mj_step", counting)
    return counts


def test_what_is_remembered_is_what_would_be_simulated(simulation, monkeypatch) -> None:
    model, data = simulation
    _start(model, data)
    mujoco.mj_step(model, data, nstep=60)
    expected = _picture(data)

    memo, counts = HandResetMemo(model, data), _counted(monkeypatch)
    for _ in range(2):
        _start(model, data)
        memo.advance(60)
        assert _picture(data) == expected
    assert counts == [59, 1, 1]


def test_sites_that_moved_since_are_where_the_model_has_them_now(simulation, monkeypatch) -> None:
    model, data = simulation
    memo, counts = HandResetMemo(model, data), _counted(monkeypatch)
    _start(model, data)
    memo.advance(60)
    model.site("goal").pos = (0.1, 0.7, 0.05)
    _start(model, data)
    memo.advance(60)
    remembered = _picture(data)
    _start(model, data)
    mujoco.mj_step(model, data, nstep=60)

    assert counts == [59, 1, 1, 60]
    assert _picture(data) == remembered


@pytest.mark.parametrize("change", ["body", "mocap", "state", "steps"])
def test_another_start_is_simulated(change: str, simulation, monkeypatch) -> None:
    model, data = simulation
    memo, counts = HandResetMemo(model, data), _counted(monkeypatch)
    _start(model, data)
    memo.advance(20)
    if change == "body":
        model.body("drawer").pos = (0.1, 0.9, 0.0)
    if change == "mocap":
        data.mocap_pos[0] = (0.1, 0.6, 0.2)
    _start(model, data)
    if change == "state":
        data.qvel[3] = 0.1
    memo.advance(21 if change == "steps" else 20)

    assert sum(counts) == (41 if change == "steps" else 40)


def test_memory_is_bounded_and_keeps_what_came_first(simulation, monkeypatch) -> None:
    model, data = simulation
    memo, counts = HandResetMemo(model, data), _counted(monkeypatch)
    for height in (0.2, *np.linspace(0.1, 0.3, 10)):
        data.mocap_pos[0, 2] = height
        _start(model, data)
        memo.advance(10)
    data.mocap_pos[0, 2] = 0.2
    _start(model, data)
    counts.clear()
    memo.advance(10)

    assert counts == [1]
    assert len(memo._known) == 4
