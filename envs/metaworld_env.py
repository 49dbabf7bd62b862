"""Meta-World tasks as gymnasium environments with a strict split between what teacher and student may see."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.rendering.records import SceneState
from potstill.envs.task_simulation import ACTION_SIZE, MAX_STEPS, OBSERVATION_SIZE, TaskSimulation

#: Hand position (3, m) and gripper opening (1, 0..1): the first entries of Meta-World's observation.
PROPRIO_SIZE = 4
PRIVILEGED_SIZE = OBSERVATION_SIZE


class MetaWorldEnv(gymnasium.Env[dict[str, np.ndarray], np.ndarray]):
    """One task. ``reset(seed=s)`` alone fixes the episode, whatever was simulated before it.

    Observation: ``proprio`` (4,) float32, the student's; ``privileged`` (39,) float64, the teacher's (hand,
    objects, previous frame, goal). The student's pixels are drawn from ``scene_state()`` by a render worker.
    Action: (4,) float32 in [-1, 1], hand displacement in cm and gripper effort.

    Attributes:
        simulation: The task itself, with model and data.

    Raises:
        ValueError: unknown task or robot; names the nearest ones.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - declared so by gymnasium

    def __init__(self, task: str, *, robot: str = "sawyer", dynamics: DynamicsConfig | None = None) -> None:
        self.simulation = TaskSimulation(task, robot=robot, dynamics=dynamics)
        self.task, self.robot = task, robot
        self.action_space = Box(-1.0, 1.0, (ACTION_SIZE,), np.float32)
        self.observation_space = Dict(
            {
                "proprio": Box(-np.inf, np.inf, (PROPRIO_SIZE,), np.float32),
                "privileged": Box(-np.inf, np.inf, (PRIVILEGED_SIZE,), np.float64),
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Start the episode that ``seed`` names; without a seed, the next one of the current generator."""
        super().reset(seed=seed)
        episode = int(self.np_random.integers(2**31)) if seed is None else seed
        return self._observation(self.simulation.reset(episode)), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Apply an action (4,); ``info["success"]`` is the task's own flag after it."""
        observation, reward, info = self.simulation.step(action)
        truncated = self.simulation.steps == MAX_STEPS
        return self._observation(observation), reward, False, truncated, {"success": bool(info["success"])}

    def scene_state(self) -> SceneState:
        """World poses of bodies and sites: all that a renderer needs."""
        return self.simulation.scene_state()

    def _observation(self, privileged: np.ndarray) -> dict[str, np.ndarray]:
        return {"proprio": privileged[:PROPRIO_SIZE].astype(np.float32), "privileged": privileged.copy()}
