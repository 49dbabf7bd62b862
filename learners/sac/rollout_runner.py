"""Samples decisions of the stochastic policy in N environments that are stepped together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.rllib.callbacks.utils import make_callback
from ray.rllib.utils import force_list

from potstill.envs.vector_task import VectorStep, VectorTask
from potstill.experience.episode_seeds import rollout_seed
from potstill.experience.rollout_fragment import RolloutFragment
from potstill.learners.sac.actor_runner import ActorRunner
from potstill.learners.sac.shaping_guide import ShapingGuide
from potstill.policies.gaussian_sampler import GaussianSampler

#: Separates exploration noise from every other use of the run's seed.
_EXPLORATION_STREAM = 0xE8


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What one call of ``RolloutRunner.sample`` gives."""

    worker_index: int
    """Of the runner: 0 for the local one."""
    fragment: RolloutFragment
    """T decisions of N environments; rewards as the task gives them."""
    env_steps: int
    """Environment steps of the fragment."""
    episodes: tuple[tuple[bool, float], ...]
    """(success at any step, return) of each episode that ended in the fragment."""
    advice: np.ndarray | None
    """(T, N, D) float32 of the shaping's teacher on every decision; None without one."""
    runner_state: dict[str, Any]
    """From which a new runner goes on after this fragment; see ``RolloutRunner.resume``."""


class RolloutRunner(ActorRunner):
    """Episode i of runner w has the environment seed ``rollout_seed(run_seed, w, i)``.

    Environments are built with the first sample, and the shaping's teacher is loaded then: RLlib also makes runners
    that never sample.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self._callbacks = [make() for make in force_list(self.config.callbacks_class)]
        self._stream = int(self.worker_index or 0)
        self.resume(None)

    def make_module(self) -> None:
        """Build the module that acts, and what draws its actions from the weights where they are."""
        super().make_module()
        self._sampler = GaussianSampler(self.actor)

    def resume(self, state: dict[str, Any] | None) -> None:
        """Begin new episodes where a runner of the same index left off; None begins at the beginning.

        Episodes that were in flight are lost, their seeds are not used again. Episodes that had just begun are begun
        again: when all environments stand there, the next fragment is what it would have been.
        """
        state = state or {"next_episode": 0, "rng": None}
        self._next_episode = int(state["next_episode"])
        entropy = (self.config.run_seed, _EXPLORATION_STREAM, self._stream)
        self._rng = np.random.default_rng(entropy)
        if state["rng"] is not None:
            self._rng.bit_generator.state = json.loads(state["rng"])
        self.env = None

    def make_env(self) -> None:
        """Build the environments and begin their first episodes."""
        config, sac = self.config, self.config.sac
        self.env = VectorTask(
            config.task,
            robot=config.robot,
            dynamics=config.dynamics,
            envs=sac.envs,
            max_steps=sac.max_steps,
            action_repeat=sac.action_repeat,
            seeds=self._seeds(),
            threads=sac.env_threads,
        )
        self._guide = ShapingGuide.load(config.shaping, task=config.task) if config.shaping.on else None
        if self._guide is not None:
            self._guide.begin(self.env.observation)
        self._returns, self._successes = np.zeros(sac.envs), np.zeros(sac.envs, np.bool_)
        self._all_fresh = True

    def sample(self, *, random_actions: bool = False, num_episodes: int | None = None, **_: Any) -> Rollout:
        """``sac.fragment`` decisions in every environment.

        Args:
            random_actions: Uniform in [-1, 1] instead of the policy's.
            num_episodes: Only an ``EvaluationRunner`` counts in episodes.

        Raises:
            ValueError: ``num_episodes`` is given.
        """
        if num_episodes is not None:
            raise ValueError(
                "a RolloutRunner samples fragments, not episodes: evaluate with an EvaluationRunner"
            )
        if self.env is None:
            self.make_env()
        observations, actions, steps = [], [], []
        for _decision in range(self.config.sac.fragment):
            observations.append(self.env.observation)
            actions.append(self._act(self.env.observation, random_actions))
            steps.append(self.env.step(actions[-1]))
            self._be_guided(actions[-1], steps[-1])
        rollout = self._rollout(_fragment(observations, actions, steps))
        make_callback(
            "on_sample_end",
            callbacks_objects=self._callbacks,
            callbacks_functions=self.config.callbacks_on_sample_end,
            kwargs={"env_runner": self, "metrics_logger": self.metrics, "samples": [rollout]},
        )
        return rollout

    def _act(self, observation: np.ndarray, random_actions: bool) -> np.ndarray:
        shape = (len(observation), self.config.action_space.shape[0])
        if random_actions:
            return self._rng.uniform(-1.0, 1.0, shape).astype(np.float32)
        noise = self._rng.standard_normal(shape, np.float32)
        return self._sampler.sample(observation, noise)

    def _be_guided(self, action: np.ndarray, step: VectorStep) -> None:
        if self._guide is None:
            return
        self._guide.follow(action, step.step_observations, step.step_rewards)
        if step.truncated.all():  # all environments end together
            self._guide.begin(self.env.observation)

    def _rollout(self, fragment: RolloutFragment) -> Rollout:
        sac, ends = self.config.sac, int(fragment.truncated.sum())
        last = sac.max_steps % sac.action_repeat or sac.action_repeat
        self._all_fresh = bool(fragment.truncated[-1].all())
        return Rollout(
            worker_index=self._stream,
            fragment=fragment,
            env_steps=(fragment.decisions - ends) * sac.action_repeat + ends * last,
            episodes=tuple(self._finished(fragment)),
            advice=None if self._guide is None else self._guide.advice(),
            runner_state=self._state(),
        )

    def _finished(self, fragment: RolloutFragment) -> Iterator[tuple[bool, float]]:
        start = 0
        for end in (np.flatnonzero(fragment.truncated[:, 0]) + 1).tolist():  # all environments end together
            self._count(fragment, start, end)
            yield from zip(self._successes.tolist(), self._returns.tolist(), strict=True)
            self._returns[:], self._successes[:] = 0.0, False
            start = end
        self._count(fragment, start, len(fragment.reward))

    def _count(self, fragment: RolloutFragment, start: int, end: int) -> None:
        self._returns += fragment.reward[start:end].sum(0, dtype=np.float64)
        self._successes |= fragment.success[start:end].any(0)

    def _state(self) -> dict[str, Any]:
        fresh = self.config.sac.envs if self._all_fresh else 0
        return {
            "next_episode": self._next_episode - fresh,
            "rng": json.dumps(self._rng.bit_generator.state),
        }

    def _seeds(self) -> Iterator[int]:
        while True:
            self._next_episode += 1
            yield rollout_seed(self.config.run_seed, self._stream, self._next_episode - 1)


def _fragment(
    observations: list[np.ndarray], actions: list[np.ndarray], steps: list[VectorStep]
) -> RolloutFragment:
    return RolloutFragment(
        observation=np.array(observations),
        action=np.array(actions),
        reward=np.array([step.reward for step in steps]),
        next_observation=np.array([step.next_observation for step in steps]),
        terminated=np.zeros((len(steps), len(actions[0])), np.bool_),
        truncated=np.array([step.truncated for step in steps]),
        success=np.array([step.success for step in steps]),
        episode_seed=np.array([step.episode_seed for step in steps]),
    )
