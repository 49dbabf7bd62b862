"""N simulations of one task, stepped together; they begin and end their episodes at the same steps."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import ACTION_SIZE, MAX_STEPS, OBSERVATION_SIZE, TaskSimulation


@dataclass(frozen=True, kw_only=True)
class VectorStep:
    """What one decision led to, in each of N environments."""

    next_observation: np.ndarray
    """(N, 39) float32, after the action; the last of its episode where ``truncated``."""
    reward: np.ndarray
    """(N,) float32, summed over the environment steps of the decision."""
    success: np.ndarray
    """(N,) bool: the task's flag after any of those steps."""
    truncated: np.ndarray
    """(N,) bool: the episode reached its time limit; the next one has begun."""
    episode_seed: np.ndarray
    """(N,) int64: of the episode to which this decision belongs."""
    step_observations: np.ndarray
    """(R, N, 39) float32, after each of the R environment steps of the decision."""
    step_rewards: np.ndarray
    """(R, N) float32 of each of those steps."""


class VectorTask:
    """``observation`` (N, 39) float32 is what to act on next: of a fresh episode where the last one was cut.

    Args:
        task: Name, e.g. ``reach-v3``.
        robot: Name of the arm.
        dynamics: How arm and channel differ from nominal.
        envs: N, at least 1.
        max_steps: Environment steps per episode, 1..500; its last decision may be shorter than ``action_repeat``.
        action_repeat: Environment steps per decision, at least 1.
        seeds: Gives one seed per episode, in the order in which episodes begin.
        threads: That share the physics of the environments, at least 1; the results are the same.

    Raises:
        ValueError: unknown task or robot, or a number out of range.
    """

    def __init__(
        self,
        task: str,
        *,
        robot: str = "sawyer",
        dynamics: DynamicsConfig | None = None,
        envs: int,
        max_steps: int,
        action_repeat: int,
        seeds: Iterator[int],
        threads: int = 1,
    ) -> None:
        if envs < 1:
            raise ValueError(f"envs must be at least 1: got {envs}")
        if not 1 <= max_steps <= MAX_STEPS:
            raise ValueError(f"max_steps must be in 1..{MAX_STEPS}: got {max_steps}")
        if action_repeat < 1:
            raise ValueError(f"action_repeat must be at least 1: got {action_repeat}")
        if threads < 1:
            raise ValueError(f"threads must be at least 1: got {threads}")
        self.max_steps, self.action_repeat = max_steps, action_repeat
        self._seeds = seeds
        self._threads = min(threads, envs)
        # The calling thread does its share: with one thread the pool never starts any.
        self._pool = ThreadPoolExecutor(max(self._threads - 1, 1), thread_name_prefix="physics")
        self._simulations = [TaskSimulation(task, robot=robot, dynamics=dynamics) for _ in range(envs)]
        self.model_hash = self._simulations[0].model_hash
        self.observation = np.zeros((envs, OBSERVATION_SIZE), np.float32)
        self._episode_seed = np.zeros(envs, np.int64)
        self._begin()

    def step(self, actions: np.ndarray) -> VectorStep:
        """One decision in every environment.

        Args:
            actions: (N, 4) float32 in [-1, 1].

        Raises:
            ValueError: actions of another shape.
            StopIteration: an episode ended and ``seeds`` has no further seed.
        """
        envs = len(self._simulations)
        if actions.shape != (envs, ACTION_SIZE):
            raise ValueError(f"actions must have shape ({envs}, {ACTION_SIZE}): got {actions.shape}")
        total, success = [0.0] * envs, [False] * envs
        repeats = min(self.action_repeat, self.max_steps - self._steps)
        observations = np.empty((repeats, *self.observation.shape), np.float32)
        rewards = np.empty((repeats, envs), np.float32)
        for repeat in range(repeats):
            self._push(actions)
            for index, simulation in enumerate(self._simulations):
                observations[repeat, index], reward, info = simulation.look()
                rewards[repeat, index] = reward
                total[index] += reward
                success[index] = success[index] or bool(info["success"])
        self._steps += repeats
        ended, seed = self._steps >= self.max_steps, self._episode_seed.copy()
        self.observation = observations[-1].copy()
        if ended:
            self._begin()
        return VectorStep(
            next_observation=observations[-1],
            reward=np.array(total, np.float32),
            success=np.array(success),
            truncated=np.full(envs, ended),
            episode_seed=seed,
            step_observations=observations,
            step_rewards=rewards,
        )

    def _push(self, actions: np.ndarray) -> None:
        """The physics of all, before anything else is computed: MuJoCo's code and then ours stay in the cache."""
        pairs = list(zip(self._simulations, actions, strict=True))
        others = [
            self._pool.submit(_push_each, pairs[first :: self._threads]) for first in range(1, self._threads)
        ]
        _push_each(pairs[:: self._threads])
        for other in others:
            other.result()

    def _begin(self) -> None:
        self._steps = 0
        for index, simulation in enumerate(self._simulations):
            self._episode_seed[index] = next(self._seeds)
            self.observation[index] = simulation.reset(int(self._episode_seed[index]))


def _push_each(pairs: list[tuple[TaskSimulation, np.ndarray]]) -> None:
    for simulation, action in pairs:
        simulation.push(action)
