"""RLlib's algorithm as the trainer knows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from potstill.experience.learning_history import LearningHistory
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.expert_learner import TrainingFigures
from potstill.learners.sac.algorithm import SacAlgorithm
from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.policies.sac_networks import SacNetworks

_MODULE = "default_policy"
_UPDATES = "num_updates_lifetime"
_LOSSES = ("critic_loss", "actor_loss", "alpha", "entropy", "q_mean")


class RllibExpertLearner:
    """An ``ExpertLearner``: one ``SacAlgorithm``, sampler and learner in this process unless set otherwise.

    Args:
        config: The expert.
        history: Sees every fragment.
        checkpoint: Written by ``save``; None begins anew.
        updates: Done before.
    """

    def __init__(
        self, config: ExpertConfig, *, history: LearningHistory, checkpoint: Path | None, updates: int = 0
    ) -> None:
        settings = SacAlgorithmConfig().expert(
            task=config.task,
            robot=config.robot,
            dynamics=config.dynamics,
            seed=config.seed,
            sac=config.sac,
            shaping=config.shaping,
        )
        settings = settings.env_runners(num_env_runners=config.resources.env_runners)
        settings = settings.learners(num_learners=0, num_gpus_per_learner=config.resources.learner_gpus)
        self._algorithm = cast(SacAlgorithm, settings.build_algo())
        if checkpoint is not None:
            self._algorithm.restore_from_path(str(checkpoint))
        self._algorithm.history = history
        self._losses: dict[str, float] = {}
        self._updates = updates

    def train(self) -> TrainingFigures:
        """One training iteration."""
        result = self._algorithm.train()
        sampled = result["env_runners"]
        learnt = result.get("learners", {}).get(_MODULE, {})
        self._losses |= {name: float(learnt[name]) for name in _LOSSES if name in learnt}
        self._updates = int(learnt.get(_UPDATES, self._updates))
        return TrainingFigures(
            env_steps=int(sampled["num_env_steps_sampled_lifetime"]),
            decisions=int(sampled["num_decisions_lifetime"]),
            updates=self._updates,
            success_rate=_known(sampled, "success_rate_mean"),
            episode_return=_known(sampled, "episode_return_mean"),
            losses=dict(self._losses),
        )

    def networks(self) -> SacNetworks:
        """A copy on the CPU."""
        return self._algorithm.networks()

    def save(self, folder: Path) -> None:
        """RLlib's checkpoint."""
        self._algorithm.save_to_path(str(folder))

    def close(self) -> None:
        """Stop the algorithm and its workers."""
        self._algorithm.stop()


def _known(figures: Mapping[str, Any], name: str) -> float | None:
    value = float(figures.get(name, math.nan))
    return value if math.isfinite(value) else None
