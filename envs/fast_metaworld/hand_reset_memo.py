"""Remembers where the hand's way to its start leads, so that it is simulated once per distinct start."""

from __future__ import annotations

import mujoco
import numpy as np

from potstill.envs.fast_metaworld.sites_act import sites_act

#: Tasks that move a body at random never meet a start again; what they meet first is worth keeping.
_CAPACITY = 4
_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


class HandResetMemo:
    """Advances a simulation by n steps under constant controls, from memory where it can.

    MuJoCo's integration state and the model decide a step entirely. So the state before the last of the n steps is
    kept under the state before the first, and only the last one is simulated again: everything that is derived
    (poses, contacts, forces) then follows from the model as it is now, sites included, which move nothing.
    """

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self._model, self._data = model, data
        self._known: dict[bytes, np.ndarray] = {}
        self._edited = [model.body_pos, model.body_quat]
        if sites_act(model):
            self._edited.append(model.site_pos)

    def advance(self, steps: int) -> None:
        """Simulate ``steps`` >= 1 steps of the model's time step; all else of the model must be as ever."""
        parts = [self._state(), *self._edited, np.int64(steps)]
        key = b"".join(part.tobytes() for part in parts)
        last = self._known.get(key)
        if last is None:
            if steps > 1:
                mujoco.mj_step(self._model, self._data, nstep=steps - 1)
            if len(self._known) < _CAPACITY:
                self._known[key] = self._state()
        else:
            mujoco.mj_setState(self._model, self._data, last, _STATE)
        mujoco.mj_step(self._model, self._data)

    def _state(self) -> np.ndarray:
        state = np.empty(mujoco.mj_stateSize(self._model, _STATE))
        mujoco.mj_getState(self._model, self._data, state, _STATE)
        return state
