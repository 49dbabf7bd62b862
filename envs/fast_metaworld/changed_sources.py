"""Whether the installed libraries are still those against which the fast methods were written."""

from __future__ import annotations

import hashlib
import inspect
from types import FunctionType
from typing import Any

import mujoco
import numpy as np
from metaworld.sawyer_xyz_env import SawyerMocapBase, SawyerXYZEnv
from metaworld.utils import reward_utils
from scipy.spatial.transform import Rotation

from potstill.envs.fast_metaworld.continued_physics import ContinuedPhysics
from potstill.envs.fast_metaworld.fast_numpy import fast_numpy
from potstill.envs.fast_metaworld.fast_rotation import FastRotation
from potstill.envs.fast_metaworld.undecorated import undecorated

#: Everything that a fast method replaces or leaves out, with the first digits of the sha256 of its source
#: (metaworld 3.1.1, gymnasium 1.2.2).
_RECORDED = {
    "assert_task_is_set": "b664c933b2dfb49c",
    "step": "42574d779e01d276",
    "reset": "6e8ce1bf9066016f",
    "set_xyz_action": "0fc19d095c6b3c24",
    "touching_object": "b8e2c6f38fd9bb0c",
    "_set_pos_site": "82529403ebb92dd1",
    "_get_obs": "6fb5a24d0a078cf8",
    "_get_curr_obs_combined_no_goal": "8c45967bdc72e4ae",
    "_reset_hand": "edaeaf591dc9b69a",
    "_gripper_caging_reward": "d8010bc6a8e477cd",
    "tcp_center": "6dadb9f0cff41751",
    "get_endeff_pos": "7adff0ffe301e562",
    "do_simulation": "e74c4bf660b003c1",
    "_step_mujoco_simulation": "04a7e4f3d9267071",
    "tolerance": "6a4d52642ce136a8",
    "_sigmoids": "beccb2487a844485",
}
_WATCHED: dict[str, Any] = {
    "assert_task_is_set": SawyerXYZEnv._Decorators.assert_task_is_set,
    **{
        name: getattr(SawyerXYZEnv, name)
        for name in (
            "step",
            "reset",
            "set_xyz_action",
            "touching_object",
            "_set_pos_site",
            "_get_obs",
            "_get_curr_obs_combined_no_goal",
            "_reset_hand",
            "_gripper_caging_reward",
            "get_endeff_pos",
            "do_simulation",
            "_step_mujoco_simulation",
        )
    },
    "tcp_center": vars(SawyerMocapBase)["tcp_center"].fget,
    "tolerance": reward_utils.tolerance,
    "_sigmoids": reward_utils._sigmoids,
}
#: As in Meta-World: a hand with a motor in it is welded to a mocap body, and things lie in its way.
_HAND_AND_BOXES = """
<mujoco>
  <option timestep="0.0025" cone="elliptic" tolerance="1e-10" jacobian="dense"/>
  <worldbody>
    <geom type="plane" size="1 1 1" pos="0 0 -0.06"/>
    <body name="target" mocap="true"/>
    <body name="hand"><freejoint/><geom type="box" size="0.05 0.05 0.05"/>
      <body pos="0.08 0 0"><joint name="finger" type="slide" damping="5"/><geom type="sphere" size="0.02"/></body>
    </body>
    <body pos="0.15 0 0"><freejoint/><geom type="cylinder" size="0.03 0.04"/></body>
    <body pos="-0.12 0 0"><freejoint/><geom type="box" size="0.04 0.04 0.04"/></body>
  </worldbody>
  <equality><weld body1="target" body2="hand"/></equality>
  <actuator><position joint="finger" kp="100"/></actuator>
</mujoco>
"""


def changed_sources() -> list[str]:
    """Names of what is no longer as recorded; empty when fast stepping is safe. Takes some 30 ms."""
    changed = [name for name, function in _WATCHED.items() if _digest(function) != _RECORDED[name]]
    rng = np.random.default_rng(0)
    if not all(_same_norm(rng) for _ in range(32)):
        changed.append("numpy.linalg.norm")
    if not all(_same_quaternion(rng) for _ in range(32)):
        changed.append("scipy Rotation.as_quat")
    if not _same_physics(rng):
        changed.append("mujoco.mj_step")
    return changed


def _digest(function: Any) -> str:
    if isinstance(function, FunctionType):
        function = undecorated(function)
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]


def _same_norm(rng: np.random.Generator) -> bool:
    vector = rng.normal(size=3)
    return fast_numpy().linalg.norm(vector).tobytes() == np.linalg.norm(vector).tobytes()


def _same_quaternion(rng: np.random.Generator) -> bool:
    matrix = Rotation.from_quat(rng.normal(size=4)).as_matrix()
    return (
        FastRotation.from_matrix(matrix).as_quat().tobytes()
        == Rotation.from_matrix(matrix).as_quat().tobytes()
    )


def _same_physics(rng: np.random.Generator) -> bool:
    """Whether ``mj_step`` is still made of the parts that ``ContinuedPhysics`` calls: a hand in two boxes."""
    model = mujoco.MjModel.from_xml_string(_HAND_AND_BOXES)
    ours, theirs = mujoco.MjData(model), mujoco.MjData(model)
    physics = ContinuedPhysics(model, ours)
    for target in rng.uniform(-0.1, 0.1, (32, 3)):
        for data in (ours, theirs):
            data.mocap_pos[0], data.ctrl[0] = target, target[0]
        physics.advance(3)
        mujoco.mj_step(model, theirs, nstep=3)
        mujoco.mj_forward(model, theirs)
    return _whole_state(model, ours) == _whole_state(model, theirs)


def _whole_state(model: mujoco.MjModel, data: mujoco.MjData) -> bytes:
    state = np.empty(mujoco.mj_stateSize(model, mujoco.mjtState.mjSTATE_INTEGRATION))
    mujoco.mj_getState(model, data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    return state.tobytes()
