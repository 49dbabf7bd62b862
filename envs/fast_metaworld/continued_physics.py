"""Physics that goes on from where ``mj_forward`` has just looked, without looking twice."""

from __future__ import annotations

import mujoco

from potstill.envs.fast_metaworld.sites_act import sites_act


class ContinuedPhysics:
    """``advance(n)`` is ``mj_step`` n times, then ``mj_forward``: the same bits in less time.

    ``mj_forward`` finds out poses, inertia, contacts and bias forces, and the first step of the next call would find
    out the same again: only the hand's target and the controls have changed. That step computes what depends on these
    and takes the rest as it stands. If the state or what follows from it is not what the last ``advance`` left behind,
    everything is computed. Only an edit of the *model* between two calls goes unnoticed for one step of 2.5 ms,
    unless ``mj_forward`` follows it.

    Args:
        model: With one mocap body, which nothing can touch and nothing hangs on; as it is for any other model.
        data: Of this model; keeps its memory for life.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._model, self._data = model, data
        self._found: tuple[bytes, ...] | None = None
        self._shares = _only_the_target_changes(model)
        if self._shares:
            body = int((model.body_mocapid == 0).argmax())
            self._target, self._target_pose = data.mocap_pos[0], data.xpos[body]
        # What decides the position and velocity stages, and, against whoever put back a state alone, two of the
        # things that they find out.
        self._watched = (data.qpos, data.qvel, data.mocap_quat, data.xpos, data.qfrc_bias)

    def advance(self, steps: int) -> None:
        """Simulate ``steps`` >= 1 steps of the model's time step under constant controls and look at the end."""
        if self._found is not None and self._stands_still():
            self._step_on()
            steps -= 1
        if steps:
            mujoco.mj_step(self._model, self._data, nstep=steps)
        mujoco.mj_forward(self._model, self._data)
        if self._shares:
            self._found = self._seen()

    def _stands_still(self) -> bool:
        # A state out of bounds is reset by the checks, as at the beginning of mj_step, and is then another one.
        mujoco.mj_checkPos(self._model, self._data)
        mujoco.mj_checkVel(self._model, self._data)
        return self._found == self._seen()

    def _step_on(self) -> None:
        model, data = self._model, self._data
        self._target_pose[:] = self._target
        mujoco.mj_makeConstraint(model, data)
        mujoco.mj_projectConstraint(model, data)
        mujoco.mj_referenceConstraint(model, data)
        mujoco.mj_step2(model, data)

    def _seen(self) -> tuple[bytes, ...]:
        position, velocity, rotation, poses, bias = self._watched
        return position.tobytes(), velocity.tobytes(), rotation.tobytes(), poses.tobytes(), bias.tobytes()


def _only_the_target_changes(model: mujoco.MjModel) -> bool:
    """Whether the pose of the mocap body enters constraints alone, and ``mj_step2`` ends a step as ``mj_step``."""
    if model.nmocap != 1 or model.ntendon or model.nflex or model.nsensor or model.opt.enableflags:
        return False
    body = int((model.body_mocapid == 0).argmax())
    geoms = model.geom_bodyid == body
    touchable = model.geom_contype[geoms].any() or model.geom_conaffinity[geoms].any()
    carries = (model.body_parentid == body).any() or sites_act(model)
    return not touchable and not carries and model.opt.integrator != mujoco.mjtIntegrator.mjINT_RK4
