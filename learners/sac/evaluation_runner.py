"""Evaluates the deterministic policy on held-out goals, asked at every environment step as a teacher is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ray.rllib.utils.metrics import EPISODE_RETURN_MEAN, NUM_ENV_STEPS_SAMPLED, NUM_EPISODES

from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.episode_seeds import evaluation_seed
from potstill.learners.sac.actor_runner import ActorRunner


@dataclass(frozen=True, kw_only=True)
class EvaluatedEpisode:
    """Outcome of one episode."""

    index: int
    """Its environment seed is ``evaluation_seed(index)``."""
    success: bool
    """At any step."""
    episode_return: float
    """Sum of the task's rewards."""
    steps: int
    """Environment steps."""

    def env_steps(self) -> int:
        """As RLlib asks its episodes."""
        return self.steps

    def agent_steps(self) -> int:
        """As RLlib asks its episodes."""
        return self.steps


class EvaluationRunner(ActorRunner):
    """Runner w of n takes the episodes w - 1, w - 1 + n, ...: together the first E, for RLlib splits E likewise.

    An outcome depends on weights and index alone: one simulation, one observation per forward pass, so that neither
    the number of runners nor a batch changes a bit of it.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self.env = None
        self._taken = 0

    def make_env(self) -> None:
        """Build the simulation."""
        config = self.config
        self.env = TaskSimulation(config.task, robot=config.robot, dynamics=config.dynamics)

    def sample(
        self, *, num_episodes: int | None = None, force_reset: bool = False, **_: Any
    ) -> list[EvaluatedEpisode]:
        """Run ``num_episodes`` episodes.

        Args:
            num_episodes: Share of this runner.
            force_reset: Begin at the first episode again. A runner that takes over from a lost one goes on to
                episodes behind the first E instead: held out too, and none counts twice.

        Raises:
            ValueError: no number of episodes is given.
        """
        if num_episodes is None:
            raise ValueError("evaluation counts episodes: set evaluation_duration_unit to 'episodes'")
        if self.env is None:
            self.make_env()
        first, stride = (self.worker_index - 1, self.num_workers) if self.worker_index else (0, 1)
        if force_reset or not self.worker_index:
            self._taken = 0
        episodes = []
        for _episode in range(num_episodes):
            episodes.append(self._run(first + stride * self._taken))
            self._taken += 1
        self._log(episodes)
        return episodes

    def _run(self, index: int) -> EvaluatedEpisode:
        observation = self.env.reset(evaluation_seed(index))
        success, total = False, 0.0
        for _step in range(self.config.max_evaluation_steps):
            observation, reward, info = self.env.step(self._act(observation))
            total += reward
            success = success or bool(info["success"])
        return EvaluatedEpisode(
            index=index, success=success, episode_return=total, steps=self.config.max_evaluation_steps
        )

    def _act(self, observation: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            mean, _ = self.actor(torch.from_numpy(observation.astype(np.float32)).unsqueeze(0))
            return torch.tanh(mean)[0].numpy()

    def _log(self, episodes: list[EvaluatedEpisode]) -> None:
        steps = sum(episode.steps for episode in episodes)
        self.metrics.log_value(NUM_ENV_STEPS_SAMPLED, steps, reduce="sum")
        for key in (NUM_EPISODES, "episodes"):  # RLlib counts by its own name
            self.metrics.log_value(key, len(episodes), reduce="sum")
        for episode in episodes:
            self.metrics.log_value("success_rate_mean", float(episode.success), reduce="episode_mean")
            self.metrics.log_value(EPISODE_RETURN_MEAN, episode.episode_return, reduce="episode_mean")
