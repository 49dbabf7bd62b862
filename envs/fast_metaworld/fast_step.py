"""The parts of Meta-World's stepping that cost more than the physics, done with less."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import mujoco
import numpy as np
from metaworld.sawyer_xyz_env import SawyerXYZEnv

from potstill.envs.fast_metaworld.hand_reset_memo import HandResetMemo

_HAND_DOWN = np.array([1.0, 0.0, 1.0, 0.0])
_OPEN_GRIPPER = (-1.0, 1.0)


class FastStep(SawyerXYZEnv):
    """Comes between a task's class and ``SawyerXYZEnv``: what a task itself overrides stays as it is.

    Left out, because nothing reads what they compute: ``mj_rnePostConstraint`` (contact forces on bodies) and the
    placement of target sites before ``mj_forward``, which places them again.
    """

    def step(self, action: np.ndarray) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """As ``SawyerXYZEnv.step``, for an action (4,)."""
        self.set_xyz_action(action[:3])
        if self.curr_path_length >= self.max_path_length:
            raise ValueError("You must reset the env manually once truncate==True")
        self._step_mujoco_simulation((action[-1], -action[-1]), self.frame_skip)
        self.curr_path_length += 1
        mujoco.mj_forward(self.model, self.data)
        space = self.sawyer_observation_space
        observation = self._last_stable_obs = self._get_obs().clip(space.low, space.high)
        reward, info = self.evaluate_state(observation, action)
        truncated = self.curr_path_length == self.max_path_length
        return observation.copy(), reward, False, truncated, info

    def set_xyz_action(self, action: np.ndarray) -> None:
        """Move the hand's target by (3,) in -1..1, scaled, within the mocap's box."""
        position = self.data.mocap_pos
        moved = position + action.clip(-1, 1) * self.action_scale
        moved[0] = moved[0].clip(self.mocap_low, self.mocap_high)
        position[:] = moved
        self.data.mocap_quat[:] = _HAND_DOWN

    def _step_mujoco_simulation(self, ctrl: Any, n_frames: int) -> None:
        self.data.ctrl[:] = ctrl
        mujoco.mj_step(self.model, self.data, nstep=n_frames)

    def _get_obs(self) -> np.ndarray:
        goal = self._get_pos_goal()
        if self._partially_observable:
            goal = np.zeros_like(goal)
        current = self._get_curr_obs_combined_no_goal()
        observation = np.concatenate((current, self._prev_obs, goal))
        self._prev_obs = current
        return observation

    def _get_curr_obs_combined_no_goal(self) -> np.ndarray:
        body = self.data.body
        gap = body("rightclaw").xpos - body("leftclaw").xpos
        observation = np.zeros(18)
        observation[:3] = body("hand").xpos
        observation[3] = min(max(math.sqrt(gap.dot(gap)) / 0.1, 0.0), 1.0)
        positions, rotations = self._get_pos_objects(), self._get_quat_objects()
        for index in range(len(positions) // 3):
            start = 4 + 7 * index
            observation[start : start + 3] = positions[3 * index : 3 * index + 3]
            observation[start + 3 : start + 7] = rotations[4 * index : 4 * index + 4]
        return observation

    def touching_object(self, object_geom_id: int) -> Any:
        """Whether both pads press on the geom."""
        pads = (self.data.geom("leftpad_geom").id, self.data.geom("rightpad_geom").id)
        contact = self.data.contact
        pairs = contact.geom.tolist()
        left, right = (
            [row for row, pair in enumerate(pairs) if pad in pair and object_geom_id in pair] for pad in pads
        )
        if not left or not right:
            return False
        force, address = self.data.efc_force, contact.efc_address
        return sum(force[address[left]]) > 0 and sum(force[address[right]]) > 0

    def _reset_hand(self, steps: int = 50) -> None:
        mocap = self.model.body_mocapid[self.data.body("mocap").id]
        self.data.mocap_pos[mocap] = self.hand_init_pos
        self.data.mocap_quat[mocap] = _HAND_DOWN
        self.data.ctrl[:] = _OPEN_GRIPPER
        self._hand_reset.advance(steps * self.frame_skip)
        self.init_tcp = self.tcp_center

    @cached_property
    def _hand_reset(self) -> HandResetMemo:
        return HandResetMemo(self.model, self.data)
