"""Meta-World tasks as gymnasium environments with a strict split between what teacher and student may see."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium.spaces import Box, Dict
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from potstill.envs.rendering.records import SceneState
from potstill.envs.task_names import check_task_name

#: Steps after which Meta-World itself refuses to go on.
MAX_STEPS = 500
#: Hand position (3, m) and gripper opening (1, 0..1): the first entries of Meta-World's observation.
PROPRIO_SIZE = 4
PRIVILEGED_SIZE = 39


class MetaWorldEnv(gymnasium.Env[dict[str, np.ndarray], np.ndarray]):
    """One task. ``reset(seed=s)`` alone fixes the episode, whatever was simulated before it.

    Observation: ``proprio`` (4,) float32, the student's; ``privileged`` (39,) float64, the teacher's (hand,
    objects, previous frame, goal). The student's pixels are drawn from ``scene_state()`` by a render worker.
    Action: (4,) float32 in [-1, 1], hand displacement in cm and gripper effort.

    Raises:
        ValueError: unknown task; names the nearest ones.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - declared so by gymnasium

    def __init__(self, task: str) -> None:
        check_task_name(task)
        self.task = task
        self._env: Any = ALL_V3_ENVIRONMENTS[task]()
        self._env._freeze_rand_vec = False
        self._env.seeded_rand_vec = True
        self._env._set_task_called = True
        # The teacher sees the goal. Meta-World clips observations to a cached space that hides it: drop the cache.
        self._env._partially_observable = False
        vars(self._env).pop("sawyer_observation_space", None)
        # mj_resetData restores the state but not the model, which tasks edit when they place their objects.
        model = self._env.model
        self._pristine = {name: getattr(model, name).copy() for name in ("body_pos", "body_quat", "site_pos")}
        self.action_space = Box(-1.0, 1.0, (4,), np.float32)
        self.observation_space = Dict(
            {
                "proprio": Box(-np.inf, np.inf, (PROPRIO_SIZE,), np.float32),
                "privileged": Box(-np.inf, np.inf, (PRIVILEGED_SIZE,), np.float64),
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start the episode that ``seed`` names; without a seed, a fresh one of the current generator."""
        if seed is not None:
            super().reset(seed=seed)
            self._env.seed(int(seed))
            self._forget_the_past()
        observation, _ = self._env.reset()
        return self._observation(observation), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Apply an action (4,); ``info["success"]`` is the task's own flag after it."""
        observation, reward, terminated, truncated, info = self._env.step(
            np.asarray(action, dtype=np.float32)
        )
        success = bool(info["success"])
        return (
            self._observation(observation),
            float(reward),
            bool(terminated),
            bool(truncated),
            {"success": success},
        )

    def scene_state(self) -> SceneState:
        """World poses of bodies and sites: all that a renderer needs."""
        data = self._env.data
        return SceneState(
            body_pos=data.xpos.copy(), body_quat=data.xquat.copy(), site_pos=data.site_xpos.copy()
        )

    def _forget_the_past(self) -> None:
        """Undo what earlier episodes left in model, data and task object, so that the seed alone decides."""
        for name, value in self._pristine.items():
            getattr(self._env.model, name)[:] = value
        mujoco.mj_resetData(self._env.model, self._env.data)
        mujoco.mj_forward(self._env.model, self._env.data)
        self._env._prev_obs = self._env._get_curr_obs_combined_no_goal()
        self._env._last_stable_obs = None

    def _observation(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        privileged = np.asarray(observation, dtype=np.float64)
        return {"proprio": privileged[:PROPRIO_SIZE].astype(np.float32), "privileged": privileged.copy()}
