"""Settings of an expert's training as RLlib knows them."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from gymnasium.spaces import Box
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig, NotProvided
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.robots.robot_names import check_robot_name
from potstill.envs.task_names import check_task_name
from potstill.envs.task_simulation import ACTION_SIZE, MAX_STEPS, OBSERVATION_SIZE
from potstill.learners.sac.algorithm import SacAlgorithm
from potstill.learners.sac.collect_demonstrations import DEMONSTRATION_STREAM
from potstill.learners.sac.config import SacConfig
from potstill.learners.sac.episode_mean_stats import EpisodeMeanStats
from potstill.learners.sac.evaluation_runner import EvaluationRunner
from potstill.learners.sac.learner import SacLearner
from potstill.learners.sac.rl_module import SacRLModule
from potstill.learners.sac.rollout_runner import RolloutRunner
from potstill.learners.sac.shaping_config import ShapingConfig

#: RLlib's settings that SAC's own take the place of.
_REPLACED = {
    "seed": "expert(seed=...)",
    "lr": "sac.actor_learning_rate, sac.critic_learning_rate and sac.alpha_learning_rate",
    "gamma": "sac.discount",
    "_train_batch_size_per_learner": "sac.batch_size",
    "num_envs_per_env_runner": "sac.envs",
    "rollout_fragment_length": "sac.fragment",
    "grad_clip": "sac.critic_learning_rate",
}


class SacAlgorithmConfig(AlgorithmConfig):
    """``SacAlgorithmConfig().expert(task="reach-v3").env_runners(num_env_runners=0).build_algo()``.

    Values that ``tune.grid_search`` and its like stand for are checked when a trial begins.
    """

    # RLlib declares them as None.
    observation_space: Any
    action_space: Any
    env_runner_cls: Any

    def __init__(self, algo_class: type | None = None) -> None:
        super().__init__(algo_class=algo_class or SacAlgorithm)
        self.task = "reach-v3"
        """A Meta-World v3 task."""
        self.robot = "sawyer"
        """The arm."""
        self.dynamics = DynamicsConfig()
        """How the arm differs from nominal."""
        self.run_seed = 0
        """0..2**31-1; every other seed follows from it, and no global generator is touched."""
        self.sac = SacConfig()
        """The learner, the replay and the sampler."""
        self.shaping = ShapingConfig()
        """The collective policy that guides, if there is one."""
        self.max_evaluation_steps = 200
        """Environment steps of an evaluation episode, 1..500."""
        self.torch_threads = 1
        """Of each process, 1..256: small networks lose with more."""
        self.observation_space = Box(-np.inf, np.inf, (OBSERVATION_SIZE,), np.float32)
        self.action_space = Box(-1.0, 1.0, (ACTION_SIZE,), np.float32)
        self.env_runner_cls = RolloutRunner
        self.sample_timeout_s = 600.0
        self.stats_cls_lookup = {**self.stats_cls_lookup, "episode_mean": EpisodeMeanStats}

    def expert(
        self,
        *,
        task: str | Any = NotProvided,
        robot: str | Any = NotProvided,
        dynamics: DynamicsConfig | Any = NotProvided,
        seed: int | Any = NotProvided,
        sac: SacConfig | Any = NotProvided,
        shaping: ShapingConfig | Any = NotProvided,
        max_evaluation_steps: int | Any = NotProvided,
        torch_threads: int | Any = NotProvided,
    ) -> Self:
        """Say which expert is trained, and how; what is not given stays. The attributes document the values."""
        given = {
            "task": task, "robot": robot, "dynamics": dynamics, "run_seed": seed, "sac": sac,
            "shaping": shaping, "max_evaluation_steps": max_evaluation_steps, "torch_threads": torch_threads,
        }  # fmt: skip
        for name, value in given.items():
            if value is not NotProvided:
                setattr(self, name, value)
        return self

    def validate(self) -> None:
        """Check everything, before anything is started.

        Raises:
            ValueError: names the setting and the allowed values.
        """
        super().validate()
        check_task_name(self.task)
        check_robot_name(self.robot)
        for name, low, high in (
            ("run_seed", 0, 2**31 - 1),
            ("max_evaluation_steps", 1, MAX_STEPS),
            ("torch_threads", 1, 256),
            ("num_env_runners", 0, DEMONSTRATION_STREAM - 1),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
        for name, kind in (("sac", SacConfig), ("dynamics", DynamicsConfig), ("shaping", ShapingConfig)):
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"{name} must be a {kind.__name__}: got {getattr(self, name)!r}")
        if self.shaping.on and self.shaping.form == "bonus":
            self.shaping.weight_at(0, random_steps=0)  # refuses a bonus that never ends
        self._validate_rllib_settings()

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """The networks."""
        sac = self.sac
        return RLModuleSpec(
            module_class=SacRLModule,
            observation_space=self.observation_space,
            action_space=self.action_space,
            model_config={
                "hidden": sac.hidden,
                "layer_norm": sac.critic_layer_norm,
                "log_std_min": sac.log_std_min,
                "initial_alpha": sac.initial_alpha,
                "init_seed": self.run_seed,
            },
        )

    def get_default_learner_class(self) -> type[SacLearner]:
        """The learner."""
        return SacLearner

    def get_evaluation_config_object(self) -> AlgorithmConfig | None:
        """As RLlib's, with the runner that evaluates."""
        config: Any = super().get_evaluation_config_object()
        if config is not None:
            config.env_runner_cls = EvaluationRunner
        return config

    def _validate_rllib_settings(self) -> None:
        if self.sac.batch_size % max(1, self.num_learners):
            raise ValueError(
                f"sac.batch_size must be a multiple of num_learners: got {self.sac.batch_size} and "
                f"{self.num_learners}"
            )
        if self.evaluation_duration_unit != "episodes" or self.evaluation_duration == "auto":
            raise ValueError(
                "evaluation must count episodes: got "
                f"{self.evaluation_duration!r} {self.evaluation_duration_unit}"
            )
        if self.in_evaluation:  # RLlib itself changes some of the following there
            return
        untouched = AlgorithmConfig()
        for name, ours in _REPLACED.items():
            if getattr(self, name) != getattr(untouched, name):
                raise ValueError(
                    f"{name} must stay unset, its place is taken by {ours}: got {getattr(self, name)}"
                )
