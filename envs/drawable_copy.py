"""A simulation as MuJoCo's own viewers and renderers want it."""

from __future__ import annotations

import mujoco
import numpy as np

from potstill.envs.robots.build_task import build_task
from potstill.envs.task_simulation import EDITED_ARRAYS, TaskSimulation

_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


def drawable_copy(
    simulation: TaskSimulation, model: mujoco.MjModel | None = None
) -> tuple[mujoco.MjModel, mujoco.MjData]:
    """Meta-World's whole model, with meshes, textures and cameras, and data that show the simulation at this moment.

    A simulation's own model leaves out what only a renderer needs. Later steps do not move the copy.

    Args:
        simulation: Stays as it is.
        model: From an earlier copy of this simulation; is made to show this episode. Building one takes half a second.
    """
    model = model or build_task(simulation.task, simulation.robot).model
    for name in EDITED_ARRAYS:
        getattr(model, name)[:] = getattr(simulation.model, name)
    data = mujoco.MjData(model)
    state = np.empty(mujoco.mj_stateSize(model, _STATE))
    mujoco.mj_getState(simulation.model, simulation.data, state, _STATE)
    mujoco.mj_setState(model, data, state, _STATE)
    mujoco.mj_forward(model, data)
    data.site_xpos[:] = simulation.data.site_xpos  # tasks move goals in data alone
    return model, data
