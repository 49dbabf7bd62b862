"""The learning history of an expert that does not exist: the oracle, disturbed on purpose, labels what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from potstill.actors.noise_schedule import NoiseSchedule
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import OracleTeacher
from potstill.experience.episode_seeds import fallback_seed
from potstill.experience.history_archive import HistoryArchive, seal_history
from potstill.experience.history_shard import HistoryFacts, HistoryShard
from potstill.policies.expert_manifest import ORACLE_FALLBACK

_EPISODES_PER_SHARD = 10


@dataclass(frozen=True, kw_only=True)
class FallbackConfig:
    """How much the oracle collects, and how it is disturbed."""

    episodes: int = 200
    """1..100000."""
    max_steps: int = 200
    """Environment steps per episode, 1..500."""
    action_repeat: int = 1
    """Environment steps per decision, 1..20."""
    noise: NoiseSchedule = field(default_factory=NoiseSchedule)
    """Over all decisions of all episodes."""
    validation_fraction: float = 0.2
    """Share of the episodes held out, [0, 1)."""

    def __post_init__(self) -> None:
        for name, top in (("episodes", 100_000), ("max_steps", 500), ("action_repeat", 20)):
            if not 1 <= getattr(self, name) <= top:
                raise ValueError(f"{name} must be in 1..{top}: got {getattr(self, name)}")
        if not 0.0 <= self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction must be in [0, 1): got {self.validation_fraction}")


class FallbackCollector:
    """Acts every episode of ``config`` in ``simulation`` and seals them as a learning history.

    ``action`` is what was executed (with noise), ``mu`` the oracle's clean action, ``log_std`` and the value targets
    are zero: nobody knows them.
    """

    def __init__(self, simulation: TaskSimulation, config: FallbackConfig, *, seed: int) -> None:
        self._simulation = simulation
        self._config = config
        self._seeds = [fallback_seed(seed, index) for index in range(config.episodes)]
        self._oracle = OracleTeacher(simulation.task)
        self._decisions_per_episode = -(-config.max_steps // config.action_repeat)
        self._facts = HistoryFacts(
            task=simulation.task,
            robot=simulation.robot,
            model_hash=simulation.model_hash,
            seed=seed,
            action_repeat=config.action_repeat,
            expert=ORACLE_FALLBACK,
        )

    def collect(self, folder: Path) -> HistoryArchive:
        """Act and seal in ``folder``; an earlier archive there is replaced. Raises StoreFullError."""
        return seal_history(
            folder,
            self._shards(),
            episodes=self._seeds,
            validation_fraction=self._config.validation_fraction,
        )

    def _shards(self) -> Iterator[HistoryShard]:
        for first in range(0, len(self._seeds), _EPISODES_PER_SHARD):
            indices = range(first, min(first + _EPISODES_PER_SHARD, len(self._seeds)))
            rows = [row for index in indices for row in self._episode(index)]
            columns: dict[str, Any] = {
                name: np.array([row[name] for row in rows], _DTYPES[name]) for name in _DTYPES
            }
            nothing = np.zeros(len(rows), np.float32)
            yield HistoryShard(
                facts=self._facts,
                **columns,
                terminated=nothing.astype(np.bool_),
                log_std=np.zeros_like(columns["mu"]),
                value_target=nothing,
                legacy_value_target=nothing,
            )

    def _episode(self, index: int) -> Iterator[dict[str, Any]]:
        seed = self._seeds[index]
        rng = np.random.default_rng((seed, _NOISE_STREAM))
        observation = self._simulation.reset(seed)
        for decision in range(self._decisions_per_episode):
            done = index * self._decisions_per_episode + decision
            sigma = self._config.noise.sigma(done / (len(self._seeds) * self._decisions_per_episode))
            mu = self._oracle.act(observation)
            action = np.clip(mu + sigma * rng.normal(size=mu.shape), -1.0, 1.0).astype(np.float32)
            steps = min(
                self._config.action_repeat, self._config.max_steps - decision * self._config.action_repeat
            )
            after, reward, success = self._step(action, steps)
            yield {
                "observation": observation,
                "action": action,
                "reward": reward,
                "next_observation": after,
                "truncated": decision == self._decisions_per_episode - 1,
                "success": success,
                "episode_seed": seed,
                "env_steps": (index + 1) * self._config.max_steps,
                "mu": mu,
            }
            observation = after

    def _step(self, action: np.ndarray, steps: int) -> tuple[np.ndarray, float, bool]:
        total, success = 0.0, False
        for _ in range(steps):
            observation, reward, info = self._simulation.step(action)
            total, success = total + reward, success or bool(info["success"])
        return observation, total, success


#: Separates the noise from every other use of an episode's seed.
_NOISE_STREAM = 0xFA11
_DTYPES: dict[str, type] = {
    "observation": np.float32,
    "action": np.float32,
    "reward": np.float32,
    "next_observation": np.float32,
    "truncated": np.bool_,
    "success": np.bool_,
    "episode_seed": np.int64,
    "env_steps": np.int64,
    "mu": np.float32,
}
