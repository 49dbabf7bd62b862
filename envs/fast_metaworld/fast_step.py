"""The parts of Meta-World's stepping that cost more than the physics, done with less."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from metaworld.sawyer_xyz_env import SawyerXYZEnv
from metaworld.utils.reward_utils import hamacher_product
from numpy._core import umath

from potstill.envs.fast_metaworld.continued_physics import ContinuedPhysics
from potstill.envs.fast_metaworld.fast_numpy import fast_numpy
from potstill.envs.fast_metaworld.fast_rewards import fast_tolerance
from potstill.envs.fast_metaworld.hand_reset_memo import HandResetMemo

#: What ``np.clip`` ends in, after more than its own time; private to numpy, which may take it away.
clip = getattr(umath, "clip", np.clip)
_HAND_DOWN = np.array([1.0, 0.0, 1.0, 0.0])
_OPEN_GRIPPER = (-1.0, 1.0)
_NORM = fast_numpy().linalg.norm
_SINGLE = np.dtype(np.float32)
_LOWEST, _HIGHEST = np.full(3, -1, np.float32), np.full(3, 1, np.float32)


class FastStep(SawyerXYZEnv):
    """Comes between a task's class and ``SawyerXYZEnv``: what a task itself overrides stays as it is.

    Left out, because nothing reads what they compute: ``mj_rnePostConstraint`` (contact forces on bodies) and the
    placement of target sites before ``mj_forward``, which places them again.
    """

    def step(self, action: np.ndarray) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """As ``SawyerXYZEnv.step``, for an action (4,)."""
        self.push(action)
        return self.look(action)

    def push(self, action: np.ndarray) -> None:
        """The physics of a step, most of it without holding the interpreter's lock."""
        self.set_xyz_action(action[:3])
        if self.curr_path_length >= self.max_path_length:
            raise ValueError("You must reset the env manually once truncate==True")
        ctrl, effort = self._ctrl, action[-1]
        ctrl[0], ctrl[1] = effort, -effort
        self._physics.advance(self.frame_skip)
        self.curr_path_length += 1

    def look(self, action: np.ndarray) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """What ``step`` returns: once after each ``push``, with its action."""
        space = self.sawyer_observation_space
        observation = self._last_stable_obs = clip(self._get_obs(), space.low, space.high)
        reward, info = self.evaluate_state(observation, action)
        truncated = self.curr_path_length == self.max_path_length
        return observation.copy(), reward, False, truncated, info

    def set_xyz_action(self, action: np.ndarray) -> None:
        """Move the hand's target by (3,) in -1..1, scaled, within the mocap's box."""
        scale = self._single_scale if action.dtype is _SINGLE else self.action_scale
        move = clip(action, _LOWEST, _HIGHEST) * scale
        position = self._mocap_position
        clip(position + move, self.mocap_low, self.mocap_high, position)
        self._mocap_rotation[:] = _HAND_DOWN

    @property
    def tcp_center(self) -> np.ndarray:
        """Between the fingertips, (3,)."""
        right, left = self._fingertips
        return (right + left) / 2.0

    def _get_obs(self) -> np.ndarray:
        goal = self._get_pos_goal()
        if self._partially_observable:
            goal = np.zeros_like(goal)
        current = self._get_curr_obs_combined_no_goal()
        observation = np.concatenate((current, self._prev_obs, goal))
        self._prev_obs = current
        return observation

    def _get_curr_obs_combined_no_goal(self) -> np.ndarray:
        hand, right_claw, left_claw = self._gripper
        gap = right_claw - left_claw
        observation = np.zeros(18)
        observation[:3] = hand
        observation[3] = min(math.sqrt(gap.dot(gap)) / 0.1, 1.0)
        positions, rotations = self._get_pos_objects(), self._get_quat_objects()
        if len(positions) == 3:  # one object, as in most tasks
            observation[4:7] = positions
            observation[7:11] = rotations
            return observation
        for index in range(len(positions) // 3):
            start = 4 + 7 * index
            observation[start : start + 3] = positions[3 * index : 3 * index + 3]
            observation[start + 3 : start + 7] = rotations[4 * index : 4 * index + 4]
        return observation

    def touching_object(self, object_geom_id: int) -> bool:
        """Whether both pads press on the geom."""
        contact = self.data.contact
        pairs = contact.geom.tolist()
        left, right = self._pads
        on_left = [row for row, pair in enumerate(pairs) if left in pair and object_geom_id in pair]
        on_right = [row for row, pair in enumerate(pairs) if right in pair and object_geom_id in pair]
        if not on_left or not on_right:
            return False
        force, address = self.data.efc_force.tolist(), contact.efc_address.tolist()
        return all(sum(force[address[row]] for row in rows) > 0 for rows in (on_left, on_right))

    def _gripper_caging_reward(  # type: ignore[override] # every task names the rest
        self,
        action: np.ndarray,
        obj_pos: np.ndarray,
        obj_radius: float,
        pad_success_thresh: float,
        *,
        xz_thresh: float,
        desired_gripper_effort: float = 1.0,
        high_density: bool = False,
        **others: Any,
    ) -> Any:
        """How well the pads enclose the object and press, 0..1, in plain numbers."""
        if others.get("medium_density"):
            others |= {"desired_gripper_effort": desired_gripper_effort, "high_density": high_density}
            return super()._gripper_caging_reward(
                action, obj_pos, obj_radius, pad_success_thresh, xz_thresh=xz_thresh, **others
            )
        assert self.obj_init_pos is not None  # set by every reset
        at_y = self._pads_at_y(float(obj_pos[1]), float(self.obj_init_pos[1]), obj_radius, pad_success_thresh)
        reach = _NORM((self.obj_init_pos - self.init_tcp)[::2]) - xz_thresh
        at_xz = fast_tolerance(_NORM((self.tcp_center - obj_pos)[::2]), (0, xz_thresh), reach, "long_tail")
        caging = hamacher_product(at_y, at_xz)
        closed = min(max(0, action[-1]), desired_gripper_effort) / desired_gripper_effort
        both = hamacher_product(caging, closed if caging > 0.97 else 0.0)
        return (both + caging) / 2 if high_density else both

    def _pads_at_y(self, y: float, start: float, inner: float, outer: float) -> float:
        """Whether both pads are beside the object, measured across the gripper."""
        left, right = (
            fast_tolerance(abs(pad - y), (inner, outer), abs(abs(pad - start) - outer), "long_tail")
            for pad in (self.data.body("leftpad").xpos.item(1), self.data.body("rightpad").xpos.item(1))
        )
        return hamacher_product(left, right)

    def _reset_hand(self, steps: int = 50) -> None:
        self._mocap_position[:] = self.hand_init_pos
        self._mocap_rotation[:] = _HAND_DOWN
        self.data.ctrl[:] = _OPEN_GRIPPER
        self._hand_reset.advance(steps * self.frame_skip)
        self.init_tcp = self.tcp_center

    @cached_property
    def _physics(self) -> ContinuedPhysics:
        return ContinuedPhysics(self.model, self.data)

    @cached_property
    def _hand_reset(self) -> HandResetMemo:
        return HandResetMemo(self.model, self.data)

    @cached_property
    def _ctrl(self) -> np.ndarray:
        """Live (2,), of the fingers."""
        return self.data.ctrl

    @cached_property
    def _single_scale(self) -> np.ndarray:
        """What a Python float is to float32 numbers (3,), converted once."""
        return np.full(3, self.action_scale, _SINGLE)

    @cached_property
    def _mocap_position(self) -> np.ndarray:
        """Live (3,) of the only mocap body, which the hand is welded to."""
        return self.data.mocap_pos[0]

    @cached_property
    def _mocap_rotation(self) -> np.ndarray:
        return self.data.mocap_quat[0]

    @cached_property
    def _gripper(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Live positions (3,) of hand, right and left claw."""
        hand, right, left = (self.data.body(name).xpos for name in ("hand", "rightclaw", "leftclaw"))
        return hand, right, left

    @cached_property
    def _fingertips(self) -> tuple[np.ndarray, np.ndarray]:
        """Live positions (3,), right and left."""
        return self.data.site("rightEndEffector").xpos, self.data.site("leftEndEffector").xpos

    @cached_property
    def _pads(self) -> tuple[int, int]:
        """Geoms of the left and right pad."""
        return self.data.geom("leftpad_geom").id, self.data.geom("rightpad_geom").id
