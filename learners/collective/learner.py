"""Distillation of many experts into the collective policy: behaviour cloning of their Gaussians."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from potstill.learners.collective.config import DistillationConfig
from potstill.learners.collective.distillation_data import DistillationBatch, DistillationData
from potstill.learners.collective.losses import LOSSES
from potstill.learners.gradient_descent import GradientDescent
from potstill.learners.training_loop import TrainingLoop, TrainingProgress
from potstill.learners.training_metrics import TrainingMetrics
from potstill.policies.collective_policy import CollectivePolicy

_KIND = "potstill.collective_state.1"


class CollectiveLearner:
    """Trains one round's policy; a ``Trainee`` of ``TrainingLoop``.

    With codes in the data a gradient step is the actor's alone. On a CPU the weights are a pure function of
    configuration, data, seed and thread count, however often the training was killed and resumed.
    """

    def __init__(
        self,
        config: DistillationConfig,
        policy: CollectivePolicy,
        data: DistillationData,
        folder: Path,
        *,
        origin: str,
        seed: int,
        on_metrics: Callable[[TrainingMetrics], None] = lambda metrics: None,
    ) -> None:
        """Take over ``policy``, already on the data's device.

        Args:
            config: Settings.
            policy: With the weights to begin with.
            data: Of the policy's tasks and window.
            folder: For the state to resume from.
            origin: Where the weights are from, e.g. a sha256.
            seed: Of dropout.
            on_metrics: Called with every report; what it raises ends the training, which can be resumed.
        """
        training = config.training
        self._config, self._policy, self._data, self._seed = config, policy, data, seed
        self._total_steps = training.gradient_steps
        self._descent = GradientDescent.configured(_learning_parts(policy), training)
        self._loop = TrainingLoop.configured(
            training,
            folder=folder,
            kind=_KIND,
            fingerprint=self._fingerprint(origin),
            steps_per_epoch=data.batches_per_epoch,
            on_metrics=on_metrics,
        )

    def train(self) -> TrainingProgress:
        """Train to the end, from where an earlier attempt stopped. A finished training is not repeated.

        Raises:
            TrainingDivergedError: the loss left its bounds; the last good state stays.
            StoreFullError: no space for a state; the last good one stays.
        """
        self._policy.train()
        progress = self._loop.run(self)
        self._policy.eval()
        return progress

    def batches(self, start: int) -> Iterator[DistillationBatch]:  # noqa: D102 - see Trainee
        return (self._data.training_batch(step) for step in range(start, self._total_steps))

    def step(self, batch: DistillationBatch, number: int) -> Tensor:  # noqa: D102 - see Trainee
        with self._seeded(number):
            loss = self._loss(batch)
        self._descent.descend(loss, number)
        return loss.detach()

    def samples(self, batch: DistillationBatch) -> int:  # noqa: D102 - see Trainee
        return len(batch.task)

    @torch.no_grad()
    def validate(self) -> float | None:  # noqa: D102 - see Trainee
        total, rows = 0.0, 0
        self._policy.eval()
        for batch in self._data.validation_batches():
            total += self._loss(batch).item() * len(batch.task)
            rows += len(batch.task)
        self._policy.train()
        return total / rows if rows else None

    def learning_rate(self, number: int) -> float:  # noqa: D102 - see Trainee
        return self._descent.learning_rate(number)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:  # noqa: D102 - see Trainee
        return self._descent.state(), {}

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:  # noqa: D102
        self._descent.restore(arrays)

    def _loss(self, batch: DistillationBatch) -> Tensor:
        policy = self._policy
        context = policy.context(batch.windows, batch.task) if batch.codes is None else batch.codes
        mean, log_std = policy.decide(context, batch.windows.states[:, -1])
        loss, _ = LOSSES[self._config.loss](mean, log_std, batch.labels, self._config)
        return loss

    @contextmanager
    def _seeded(self, number: int) -> Iterator[None]:
        """A transformer's dropout draws from torch's global generator: as a function of the step, resumed or not."""
        if self._policy.config.context != "joint":
            yield
            return
        device = self._policy.state_mean.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0]))
            yield

    def _fingerprint(self, origin: str) -> str:
        policy = self._policy
        facts = {
            "learner": asdict(self._config),
            "policy": asdict(policy.config),
            "transformer": asdict(policy.transformer.config) if policy.transformer else None,
            "tasks": policy.tasks,
            "data": self._data.fingerprint,
            "seed": self._seed,
            "origin": origin,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _learning_parts(policy: CollectivePolicy) -> dict[str, torch.nn.Module]:
    parts: dict[str, torch.nn.Module] = {"actor": policy.actor}
    if policy.config.context == "joint" and policy.transformer is not None:
        parts["transformer"] = policy.transformer
    return parts
