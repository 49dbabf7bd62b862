"""Training of the trajectory transformer by masked reconstruction and contrast.

After Devlin et al. 2019 (BERT), van den Oord et al. 2018 (InfoNCE) and Khosla et al. 2020 (SupCon).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from potstill.learners.gradient_descent import GradientDescent
from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.representation.objective import Objective
from potstill.learners.representation.representation_data import RepresentationBatch, RepresentationData
from potstill.learners.training_loop import TrainingLoop, TrainingProgress
from potstill.learners.training_metrics import TrainingMetrics

_KIND = "potstill.representation_state.1"
#: Keeps the maskings of validation apart from those of training.
_TRAINING, _VALIDATION = 0, 1


class RepresentationLearner:
    """Trains a transformer; a ``Trainee`` of ``TrainingLoop``.

    On a CPU the weights are a pure function of configuration, data, seed and thread count, however often the
    training was killed and resumed: batches, maskings and dropout of a step follow from its number.
    """

    def __init__(
        self,
        config: RepresentationConfig,
        objective: Objective,
        data: RepresentationData,
        folder: Path,
        *,
        seed: int,
        on_metrics: Callable[[TrainingMetrics], None] = lambda metrics: None,
    ) -> None:
        """Take over ``objective``, already on the data's device.

        Args:
            config: Settings.
            objective: With the weights to begin with, a function of ``seed``.
            data: Of the transformer's window.
            folder: For the state to resume from.
            seed: Of masks and dropout.
            on_metrics: Called with every report; what it raises ends the training, which can be resumed.
        """
        training = config.training
        self._objective, self._data, self._seed = objective, data, seed
        self._total_steps = training.gradient_steps
        self._descent = GradientDescent.configured({"objective": objective}, training)
        facts = [asdict(config), asdict(objective.transformer.config), data.fingerprint, seed]
        self._loop = TrainingLoop.configured(
            training,
            folder=folder,
            kind=_KIND,
            fingerprint=hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest(),
            steps_per_epoch=data.batches_per_epoch,
            on_metrics=on_metrics,
        )

    def train(self) -> TrainingProgress:
        """Train to the end, from where an earlier attempt stopped. A finished training is not repeated.

        Raises:
            TrainingDivergedError: the loss left its bounds; the last good state stays.
            StoreFullError: no space for a state; the last good one stays.
        """
        self._objective.train()
        progress = self._loop.run(self)
        self._objective.eval()
        return progress

    def batches(self, start: int) -> Iterator[RepresentationBatch]:  # noqa: D102 - see Trainee
        return (self._data.training_batch(number) for number in range(start, self._total_steps))

    def step(self, batch: RepresentationBatch, number: int) -> Tensor:  # noqa: D102 - see Trainee
        mask_seed, dropout_seed = self._seeds(_TRAINING, number)
        # Dropout knows only torch's global generators.
        with torch.random.fork_rng(devices=[batch.task.device] if batch.task.is_cuda else []):
            torch.manual_seed(dropout_seed)
            loss, _ = self._objective(batch, mask_seed=mask_seed)
        self._descent.descend(loss, number)
        return loss.detach()

    def samples(self, batch: RepresentationBatch) -> int:  # noqa: D102 - see Trainee
        return len(batch.task)

    @torch.no_grad()
    def validate(self) -> float | None:  # noqa: D102 - see Trainee
        self._objective.eval()
        losses = [
            self._objective(batch, mask_seed=self._seeds(_VALIDATION, number)[0])[0]
            for number, batch in enumerate(self._data.validation_batches())
        ]
        self._objective.train()
        return float(torch.stack(losses).double().mean()) if losses else None

    def learning_rate(self, number: int) -> float:  # noqa: D102 - see Trainee
        return self._descent.learning_rate(number)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:  # noqa: D102 - see Trainee
        return self._descent.state(), {}

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:  # noqa: D102
        self._descent.restore(arrays)

    def _seeds(self, purpose: int, number: int) -> tuple[int, int]:
        """Of the masking and of dropout."""
        drawn = np.random.SeedSequence([self._seed, purpose, number]).generate_state(2, np.uint64)
        return int(drawn[0]), int(drawn[1])
