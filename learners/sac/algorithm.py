"""Soft actor-critic in RLlib's frame: sample, store, update many times at once, send the actor's weights."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core import COMPONENT_LEARNER_GROUP, DEFAULT_MODULE_ID
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.checkpoints import Checkpointable
from ray.rllib.utils.metrics import (
    ENV_RUNNER_RESULTS,
    ENV_RUNNER_SAMPLING_TIMER,
    EPISODE_RETURN_MEAN,
    EVALUATION_RESULTS,
    LEARNER_RESULTS,
    LEARNER_UPDATE_TIMER,
    NUM_ENV_STEPS_SAMPLED_LIFETIME,
    SYNCH_WORKER_WEIGHTS_TIMER,
    TIMERS,
)

from potstill.experience.rollout_fragment import RolloutFragment
from potstill.learners.sac.collect_demonstrations import collect_demonstrations
from potstill.learners.sac.replay_memory import ReplayMemory
from potstill.learners.sac.rollout_runner import Rollout
from potstill.learners.sac.shaping import add_bonus
from potstill.learners.sac.shaping_guide import ShapingGuide
from potstill.policies.sac_networks import SacNetworks

if TYPE_CHECKING:
    from potstill.learners.sac.algorithm_config import SacAlgorithmConfig

COMPONENT_REPLAY = "replay"
_COMPONENT_PROGRESS = "sac_progress"
#: Training episodes over which success and return are averaged.
_EPISODES = 100
#: Transitions sent to the learner in one call: 90 MB, many updates of any usual batch.
_ROWS_PER_CALL = 2**18


class _History(Protocol):
    def observe(self, fragment: RolloutFragment, env_steps: int) -> None:
        """See every fragment, and the lifetime's environment steps after it."""


class SacAlgorithm(Algorithm):
    """One expert. Built by ``SacAlgorithmConfig().expert(...).build_algo()``.

    A checkpoint holds everything: resumed at the end of an episode of all environments (``fragment`` times a whole
    number = ``max_steps / action_repeat``) and without remote learners that share a batch, training goes on to the
    same weights, bit for bit on a CPU. Resumed within an episode, new episodes begin.
    """

    # RLlib declares them optional, or as its own.
    config: Any
    metrics: Any
    env_runner_group: Any
    learner_group: Any

    def setup(self, config: Any) -> None:
        """Called by RLlib, also in Tune's trials."""
        # Before RLlib's setup: that ends with callbacks, which may already use these.
        self.history: _History | None = None
        """Sees every fragment, with rewards as the task gives them; set it before training."""
        self._memory = ReplayMemory(
            config.sac,
            config.observation_space.shape[0],
            config.action_space.shape[0],
            run_seed=config.run_seed,
            advice_size=config.shaping.advice_size(config.action_space.shape[0]),
        )
        self._decisions = 0
        self._env_steps = 0
        self._updates_due = 0.0
        self._episodes: deque[tuple[bool, float]] = deque(maxlen=_EPISODES)
        self._runner_states: dict[int, dict[str, Any]] = {}
        super().setup(config)

    @classmethod
    def get_default_config(cls) -> SacAlgorithmConfig:
        """Defaults of every setting."""
        from potstill.learners.sac.algorithm_config import SacAlgorithmConfig  # it imports this module

        return SacAlgorithmConfig()

    def training_step(self) -> None:
        """One fragment of every runner, and the updates that it earns.

        Raises:
            DivergedError: a loss is not finite, or the critic's is above 1e8.
        """
        self._show_demonstrations()
        with self.metrics.log_time((TIMERS, ENV_RUNNER_SAMPLING_TIMER)):
            rollouts = self._sample()
        for rollout in rollouts:
            self._take_in(rollout)
        self._log_sampling(rollouts)
        if self._acts_randomly():
            return
        self._updates_due += self.config.sac.update_ratio * sum(r.fragment.decisions for r in rollouts)
        with self.metrics.log_time((TIMERS, LEARNER_UPDATE_TIMER)):
            self._update(math.floor(self._updates_due))
        with self.metrics.log_time((TIMERS, SYNCH_WORKER_WEIGHTS_TIMER)):
            self.env_runner_group.sync_weights(
                from_worker_or_learner_group=self.learner_group, inference_only=True
            )

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As RLlib's; a result is reported once, and not again by the iterations that do not evaluate."""
        results = super().evaluate(*args, **kwargs)
        self.metrics.delete(EVALUATION_RESULTS, key_error=False)
        return results

    def networks(self) -> SacNetworks:
        """The present networks, a copy on the CPU."""
        module = self.config.get_default_rl_module_spec().build()
        module.set_state(self.learner_group.get_weights()[DEFAULT_MODULE_ID])
        return module.networks

    def restore_env_runners(self, env_runner_group: EnvRunnerGroup) -> list[int]:
        """Restarted runners go on with new episodes; the seeds of those they had begun are not used again."""
        restored = super().restore_env_runners(env_runner_group)
        if env_runner_group is self.env_runner_group:
            self._resume_runners(restored)
        return restored

    def get_state(
        self,
        components: str | Collection[str] | None = None,
        *,
        not_components: str | Collection[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """RLlib's, the replay and the progress of sampling."""
        state = super().get_state(components, not_components=not_components, **kwargs)
        if self._check_component(COMPONENT_REPLAY, components, not_components):
            state[COMPONENT_REPLAY] = self._memory.get_state()
        state[_COMPONENT_PROGRESS] = {
            "decisions": self._decisions,
            "env_steps": self._env_steps,
            "updates_due": self._updates_due,
            "episodes": list(self._episodes),
            "runner_states": dict(self._runner_states),
        }
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """The inverse of ``get_state``."""
        super().set_state(state)
        if COMPONENT_REPLAY in state:
            self._memory.set_state(state[COMPONENT_REPLAY])
        if _COMPONENT_PROGRESS in state:
            progress = state[_COMPONENT_PROGRESS]
            self._decisions, self._env_steps = progress["decisions"], progress["env_steps"]
            self._updates_due = progress["updates_due"]
            self._episodes.clear()
            self._episodes.extend(tuple(episode) for episode in progress["episodes"])
            self._runner_states = dict(progress["runner_states"])
            self._resume_runners(self.env_runner_group.healthy_env_runner_ids())
            if self.env_runner is not None:
                self.env_runner.resume(self._runner_states.get(0))

    def get_checkpointable_components(self) -> list[tuple[str, Checkpointable]]:
        """Learner and replay; runners have no files of their own, their states are part of the progress."""
        return [(COMPONENT_LEARNER_GROUP, self.learner_group), (COMPONENT_REPLAY, self._memory)]

    @classmethod
    def _should_create_evaluation_env_runners(cls, eval_config: AlgorithmConfig) -> bool:
        # Always: ``evaluate()`` needs one, and it costs nothing before its first use.
        return True

    def _acts_randomly(self) -> bool:
        sac = self.config.sac
        return sac.demo_episodes == 0 and self._decisions < sac.random_decisions

    def _show_demonstrations(self) -> None:
        if self._memory.lacks_demonstrations:
            config = self.config
            for fragment, advice in collect_demonstrations(
                config.task,
                robot=config.robot,
                dynamics=config.dynamics,
                sac=config.sac,
                run_seed=config.run_seed,
                guide=ShapingGuide.load(config.shaping, task=config.task) if config.shaping.on else None,
            ):
                self._memory.add_demonstration(fragment, advice)

    def _sample(self) -> list[Rollout]:
        """One fragment of every healthy runner, in the order of the runners."""
        group, random_actions = self.env_runner_group, self._acts_randomly()
        remote = group.num_remote_env_runners() > 0
        if remote:
            results = group.foreach_env_runner(
                lambda runner: (runner.sample(random_actions=random_actions), runner.get_metrics()),
                local_env_runner=False,
                timeout_seconds=self.config.sample_timeout_s,
            )
        else:
            runner = group.local_env_runner
            results = [(runner.sample(random_actions=random_actions), runner.get_metrics())]
        self.metrics.aggregate([metrics for _, metrics in results], key=ENV_RUNNER_RESULTS)
        return sorted((rollout for rollout, _ in results), key=lambda rollout: rollout.worker_index)

    def _take_in(self, rollout: Rollout) -> None:
        self._memory.add(rollout.fragment, rollout.advice)
        self._decisions += rollout.fragment.decisions
        self._env_steps += rollout.env_steps
        self._episodes.extend(rollout.episodes)
        self._runner_states[rollout.worker_index] = rollout.runner_state
        if self.history is not None:
            self.history.observe(rollout.fragment, self._env_steps)

    def _update(self, count: int) -> None:
        """``count`` updates, in as few calls of the learner as memory allows."""
        self._updates_due -= count
        most = max(1, _ROWS_PER_CALL // self.config.sac.batch_size)
        while count > 0:
            minibatches = self._rewarded(self._memory.minibatches(min(count, most)))
            count -= most
            shares = max(1, self.config.num_learners)
            results = self.learner_group.update(
                # Every n-th row, so that each learner gets its share of the demonstrations.
                batches=[
                    {name: array[:, share::shares] for name, array in minibatches.items()}
                    for share in range(shares)
                ],
                timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: self._env_steps},
            )
            self.metrics.aggregate(results, key=LEARNER_RESULTS)

    def _rewarded(self, minibatches: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """With the shaping's bonus, by the weight that it has now."""
        shaping, sac = self.config.shaping, self.config.sac
        if not shaping.on or shaping.form != "bonus":
            return minibatches
        random_decisions = 0 if sac.demo_episodes else sac.random_decisions
        weight = shaping.weight_at(self._env_steps, random_steps=random_decisions * sac.action_repeat)
        return add_bonus(minibatches, sac.reward_scale * weight)

    def _log_sampling(self, rollouts: list[Rollout]) -> None:
        for name, value in (
            (NUM_ENV_STEPS_SAMPLED_LIFETIME, sum(rollout.env_steps for rollout in rollouts)),
            ("num_decisions_lifetime", sum(rollout.fragment.decisions for rollout in rollouts)),
        ):
            self.metrics.log_value(
                (ENV_RUNNER_RESULTS, name), value, reduce="lifetime_sum", with_throughput=True
            )
        success, returns = zip(*self._episodes, strict=True) if self._episodes else ([math.nan], [math.nan])
        for name, values in (("success_rate_mean", success), (EPISODE_RETURN_MEAN, returns)):
            self.metrics.log_value((ENV_RUNNER_RESULTS, name), float(np.mean(values)), reduce="item")

    def _resume_runners(self, indices: list[int]) -> None:
        for index in indices:
            self.env_runner_group.foreach_env_runner(
                "resume",
                kwargs={"state": self._runner_states.get(index)},
                remote_worker_ids=[index],
                local_env_runner=False,
            )
