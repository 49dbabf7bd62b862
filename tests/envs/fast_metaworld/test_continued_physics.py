from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mujoco
import numpy as np
import pytest

from potstill.envs.fast_metaworld.continued_physics import ContinuedPhysics
from potstill.envs.robots.build_task import build_task

WHOLE = mujoco.mjtState.mjSTATE_INTEGRATION


class _Pair:
    """The same simulation twice: once with ``ContinuedPhysics``, once as MuJoCo would have it."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model, self.ours, self.theirs = model, mujoco.MjData(model), mujoco.MjData(model)
        self.physics = ContinuedPhysics(model, self.ours)
        self.rng = np.random.default_rng(0)

    def advance(self, times: int = 1) -> None:
        for _ in range(times):
            target, control = (0.0, 0.6, 0.08) + self.rng.uniform(-0.1, 0.1, 3), self.rng.uniform(-1, 1, 2)
            for data in (self.ours, self.theirs):
                data.mocap_pos[0], data.ctrl[:] = target, control
            self.physics.advance(5)
            mujoco.mj_step(self.model, self.theirs, nstep=5)
            mujoco.mj_forward(self.model, self.theirs)
            assert self.look(self.ours) == self.look(self.theirs)

    def both(self, edit: Callable[[mujoco.MjData], object]) -> None:
        for data in (self.ours, self.theirs):
            edit(data)

    def look(self, data: mujoco.MjData) -> list[bytes]:
        """State, and what tasks read of what follows from it."""
        state = np.empty(mujoco.mj_stateSize(self.model, WHOLE))
        mujoco.mj_getState(self.model, data, state, WHOLE)
        seen = (
            state,
            data.xpos,
            data.xmat,
            data.site_xpos,
            data.geom_xpos,
            data.efc_force,
            data.contact.geom,
        )
        return [array.tobytes() for array in (*seen, data.qacc, data.cvel)]


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return build_task("push-v3", "sawyer").model


@pytest.fixture
def pair(model: mujoco.MjModel, monkeypatch: pytest.MonkeyPatch) -> _Pair:
    return _Pair(model)


@pytest.fixture
def shared_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each step that does not look again."""
    seen: list[int] = []
    step_on = ContinuedPhysics._step_on
    monkeypatch.setattr(ContinuedPhysics, "_step_on", lambda self: (seen.append(1), step_on(self)))
    return seen


def _move_the_object(data: mujoco.MjData) -> None:
    data.qpos[9:12] += (0.01, -0.02, 0.03)


def _push_the_arm(data: mujoco.MjData) -> None:
    data.qvel[:7] += 0.1


def _turn_the_target(data: mujoco.MjData) -> None:
    data.mocap_quat[0] = (1.0, 0.1, 1.0, 0.0)


def _pull_at_a_joint(data: mujoco.MjData) -> None:
    data.qfrc_applied[2] = 3.0


def _pull_at_a_body(data: mujoco.MjData) -> None:
    data.xfrc_applied[-1] = 0.1


def _let_go(data: mujoco.MjData) -> None:
    data.eq_active[0] = 0


def _forget_the_warm_start(data: mujoco.MjData) -> None:
    data.qacc_warmstart[:] = 0.0


EDITS = [
    _move_the_object,
    _push_the_arm,
    _turn_the_target,
    _pull_at_a_joint,
    _pull_at_a_body,
    _let_go,
    _forget_the_warm_start,
]


def test_every_step_but_the_first_goes_on_and_the_bits_are_mujocos(pair: _Pair, shared_steps: list) -> None:
    pair.advance(60)
    assert pair.ours.ncon > 0
    assert len(shared_steps) == 59


@pytest.mark.parametrize("edit", EDITS)
def test_whoever_edits_the_simulation_between_two_steps_is_heeded(pair: _Pair, edit: Callable) -> None:
    pair.advance(3)
    before = pair.look(pair.ours)
    pair.both(edit)
    assert pair.look(pair.ours) != before
    pair.advance(3)


def test_a_state_put_back_without_looking_at_it_is_looked_at(pair: _Pair, shared_steps: list) -> None:
    """A planner tries something and puts back the state alone: poses and contacts are those of the trial."""
    pair.advance(3)
    state = np.empty(mujoco.mj_stateSize(pair.model, WHOLE))
    mujoco.mj_getState(pair.model, pair.ours, state, WHOLE)
    pair.both(lambda data: mujoco.mj_step(pair.model, data, nstep=20))
    pair.both(lambda data: mujoco.mj_setState(pair.model, data, state, WHOLE))
    shared_steps.clear()
    pair.advance()
    assert not shared_steps
    pair.advance(2)
    assert len(shared_steps) == 2


def test_a_model_edited_between_two_steps_is_heeded_after_a_look(pair: _Pair) -> None:
    pair.advance(3)
    gravity = pair.model.opt.gravity.copy()
    try:
        pair.model.opt.gravity[2] = -1.0
        pair.both(lambda data: mujoco.mj_forward(pair.model, data))
        pair.advance(3)
    finally:
        pair.model.opt.gravity[:] = gravity


@pytest.mark.parametrize("bad", [np.nan, 1e12])
@pytest.mark.parametrize("what", ["qpos", "qvel"])
def test_a_state_out_of_bounds_is_reset_as_by_mujoco(
    pair: _Pair, what: str, bad: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings into a file
    pair.advance(2)

    def spoil(data: mujoco.MjData) -> None:
        getattr(data, what)[9] = bad
        mujoco.mj_forward(pair.model, data)

    pair.both(spoil)
    if pair.physics._found is not None:
        pair.physics._found = pair.physics._seen()  # as if the last step itself had led there
    pair.advance()
    assert pair.ours.time < 0.02  # it began again
    pair.advance(2)


@pytest.mark.parametrize(
    "extra",
    [
        '<geom size="0.1"/>',
        '<geom size="0.1" contype="0" conaffinity="0"/></body><body name="b" mocap="true">',
    ],
    ids=["a target that can be touched", "two targets"],
)
def test_other_models_are_looked_at_every_time(extra: str, shared_steps: list) -> None:
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><worldbody><body mocap="true">{extra}</body>'
        '<body pos="0 0 0.15"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>'
    )
    physics = ContinuedPhysics(model, mujoco.MjData(model))
    for _ in range(3):
        physics.advance(2)
    assert not shared_steps
