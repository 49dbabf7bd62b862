"""One Meta-World task as a plain simulation: numbers in, numbers out, nothing left over between episodes."""

from __future__ import annotations

from collections import deque
from typing import Any

import mujoco
import numpy as np

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.fast_metaworld.accelerate import accelerate
from potstill.envs.rendering.records import SceneState
from potstill.envs.robots.apply_dynamics import apply_dynamics
from potstill.envs.robots.build_task import build_task
from potstill.envs.robots.model_hash import model_hash
from potstill.envs.robots.task_spec import task_spec

#: Steps after which Meta-World itself refuses to go on.
MAX_STEPS = 500
OBSERVATION_SIZE = 39
ACTION_SIZE = 4
#: Model arrays that tasks edit when they place their objects; mj_resetData does not restore them.
EDITED_ARRAYS = ("body_pos", "body_quat", "site_pos")
#: Separates the channel's noise from every other use of an episode's seed.
_CHANNEL_STREAM = 0xC4A7


class TaskSimulation:
    """One task. ``reset(seed)`` alone fixes the episode, whatever was simulated before it.

    Attributes:
        task: Name, e.g. ``reach-v3``.
        robot: Name of the arm.
        dynamics: How arm and channel differ from nominal.
        model: The live ``mujoco.MjModel``. What only a renderer needs is missing: draw a ``drawable_copy``. After an
            edit within an episode call ``mj_forward``, else the next physics step may not know of it.
        data: The live ``mujoco.MjData``.
        fast: Whether it steps by our own methods (same bits); False where Meta-World is not the known version.
        model_hash: Of the model as built: of the task's objects, the arm and its dynamics; stands in every episode.

    Raises:
        ValueError: unknown task or robot; names the nearest ones.
    """

    def __init__(self, task: str, *, robot: str = "sawyer", dynamics: DynamicsConfig | None = None) -> None:
        self.task, self.robot = task, robot
        self.dynamics = dynamics or DynamicsConfig()
        self._env: Any = build_task(task, robot)
        self._env._freeze_rand_vec = False
        self._env.seeded_rand_vec = True
        self._env._set_task_called = True
        # The teacher sees the goal. Meta-World clips observations to a cached space that hides it: drop the cache.
        self._env._partially_observable = False
        vars(self._env).pop("sawyer_observation_space", None)
        apply_dynamics(self._env.model, self.dynamics)
        self.model_hash = model_hash(self._env.model)
        self.fast = accelerate(self._env, task_spec(task, robot))
        self.model: mujoco.MjModel = self._env.model
        self.data: mujoco.MjData = self._env.data
        self._pristine = {name: getattr(self.model, name).copy() for name in EDITED_ARRAYS}
        self._placing: mujoco.MjData | None = None
        self._begin_channel(0)

    def reset(self, seed: int) -> np.ndarray:
        """Start the episode that ``seed`` (>= 0) names.

        Returns:
            Observation (39,) float64: hand, objects, the same of the previous frame, goal (metres).
        """
        self._env.seed(int(seed))
        self._forget_the_past()
        observation, _ = self._env.reset()
        self._begin_channel(int(seed))
        return self._observed(observation)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, dict[str, Any]]:
        """One environment step (12.5 ms of the simulated world).

        Args:
            action: (4,) in [-1, 1]: hand displacement in cm and gripper effort.

        Returns:
            Observation (39,) float64, reward 0..10 and Meta-World's own ``info`` with the flag ``success``.

        Raises:
            ValueError: more than ``MAX_STEPS`` steps since ``reset``.
        """
        self.push(action)
        return self.look()

    def push(self, action: np.ndarray) -> None:
        """The first half of ``step``: physics, most of it without the interpreter's lock. ``look`` must follow.

        Raises:
            ValueError: more than ``MAX_STEPS`` steps since ``reset``.
        """
        self._action = self._executed(np.asarray(action, dtype=np.float32))
        if self.fast:
            self._env.push(self._action)

    def look(self) -> tuple[np.ndarray, float, dict[str, Any]]:
        """The second half, once after each ``push``: what ``step`` returns."""
        look = self._env.look if self.fast else self._env.step  # Meta-World's own step cannot be halved
        observation, reward, _, _, info = look(self._action)
        return self._observed(observation), float(reward), info

    @property
    def steps(self) -> int:
        """Steps since ``reset``."""
        return int(self._env.curr_path_length)

    def scene_state(self) -> SceneState:
        """World poses of bodies and sites: all that a renderer needs."""
        data = self.data if self.steps else self._placed()
        return SceneState(
            body_pos=data.xpos.copy(), body_quat=data.xquat.copy(), site_pos=data.site_xpos.copy()
        )

    def _placed(self) -> mujoco.MjData:
        """The start of the episode with everything where the task has put it.

        Meta-World's own data shows goals and fixed objects where they were before the reset until the first step.
        It is left as it is, so that the episode stays the same to the bit.
        """
        placed = self._placing = self._placing or mujoco.MjData(self.model)
        placed.qpos[:] = self.data.qpos
        placed.mocap_pos[:], placed.mocap_quat[:] = self.data.mocap_pos, self.data.mocap_quat
        mujoco.mj_kinematics(self.model, placed)
        return placed

    def _forget_the_past(self) -> None:
        """Undo what earlier episodes left in model, data and task object, so that the seed alone decides."""
        for name, value in self._pristine.items():
            getattr(self.model, name)[:] = value
        mujoco.mj_resetData(self.model, self.data)
        mujoco.mj_forward(self.model, self.data)
        self._env._prev_obs = self._env._get_curr_obs_combined_no_goal()
        self._env._last_stable_obs = None

    def _begin_channel(self, seed: int) -> None:
        self._noise = np.random.default_rng((seed, _CHANNEL_STREAM))
        self._delayed = deque(np.zeros(ACTION_SIZE, np.float32) for _ in range(self.dynamics.action_delay))

    def _executed(self, action: np.ndarray) -> np.ndarray:
        """What reaches the arm: the action of ``action_delay`` steps ago, with noise."""
        if self.dynamics.action_delay:
            self._delayed.append(action)
            action = self._delayed.popleft()
        if self.dynamics.action_noise:
            noise = self._noise.normal(0.0, self.dynamics.action_noise, ACTION_SIZE)
            action = np.clip(action + noise, -1.0, 1.0).astype(np.float32)
        return action

    def _observed(self, observation: np.ndarray) -> np.ndarray:
        if self.dynamics.observation_noise:
            return observation + self._noise.normal(0.0, self.dynamics.observation_noise, OBSERVATION_SIZE)
        return observation
