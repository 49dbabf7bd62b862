"""The loop around gradient steps that all learners share: resume, check, report, save."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError
from potstill.learners.errors import TrainingDivergedError
from potstill.learners.training_config import TrainingConfig
from potstill.learners.training_metrics import TrainingMetrics

#: Name of the file to resume from, beside what is trained.
STATE_FILE = "training_state.safetensors"
_LOG = logging.getLogger(__name__)
Batch = TypeVar("Batch")


class Trainee(Protocol[Batch]):
    """What is trained. Everything about it is a pure function of its settings, data, seed and step number."""

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches number ``start`` to ``total_steps - 1``."""

    def step(self, batch: Batch, number: int) -> torch.Tensor:
        """Take gradient step ``number`` (0-based); gives the detached scalar loss, still on its device."""

    def samples(self, batch: Batch) -> int:
        """Number of samples in a batch."""

    def validate(self) -> float | None:
        """Mean loss on what is held out, None when nothing is; leaves no trace in the training."""

    def learning_rate(self, number: int) -> float:
        """Of step ``number``."""

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and JSON facts from which ``restore`` continues to the same bits."""

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """The inverse of ``state``."""


@dataclass(kw_only=True)
class TrainingProgress:
    """Counters that survive a crash."""

    step: int = 0
    """Steps done."""
    first_loss: float | None = None
    seconds: float = 0.0
    """Wall time, interrupted attempts included."""
    train_loss: float = float("nan")
    """Mean since the last report."""
    validation_loss: float | None = None
    """At the end of the last epoch."""


class TrainingLoop:
    """Trains to the end, from where an earlier attempt stopped.

    ::

        resume from training_state when it is of the same fingerprint
          for each step:  batch;  gradient step
              every report_every_steps, epoch end:  check the losses, validate at an epoch's end, report
              every checkpoint_every_steps, end:    check, then replace training_state
    """

    def __init__(
        self,
        *,
        folder: Path,
        kind: str,
        fingerprint: str,
        total_steps: int,
        steps_per_epoch: int,
        report_every_steps: int,
        checkpoint_every_steps: int,
        explosion_ratio: float,
        on_metrics: Callable[[TrainingMetrics], None] = lambda metrics: None,
    ) -> None:
        """Where the state is kept, and when what happens.

        Args:
            folder: Holds ``STATE_FILE``.
            kind: Of the state file, e.g. ``potstill.bc_state.1``; another learner's is not continued.
            fingerprint: Hash of everything the result depends on; a state of another is not continued.
            total_steps: Gradient steps in all.
            steps_per_epoch: The trainee is validated so often, and at the end.
            report_every_steps: Steps between reports and checks.
            checkpoint_every_steps: Steps between saved states.
            explosion_ratio: Largest loss in units of max(|first loss|, 1).
            on_metrics: Called with every report; what it raises ends the training, which can be resumed.
        """
        self._path, self._kind, self._fingerprint = folder / STATE_FILE, kind, fingerprint
        self._total, self._per_epoch = total_steps, steps_per_epoch
        self._report_every, self._checkpoint_every = report_every_steps, checkpoint_every_steps
        self._explosion_ratio, self._on_metrics = explosion_ratio, on_metrics

    @classmethod
    def configured(
        cls,
        training: TrainingConfig,
        *,
        folder: Path,
        kind: str,
        fingerprint: str,
        steps_per_epoch: int,
        on_metrics: Callable[[TrainingMetrics], None],
    ) -> TrainingLoop:
        """With the settings that learners share; see ``__init__``."""
        return cls(
            folder=folder,
            kind=kind,
            fingerprint=fingerprint,
            total_steps=training.gradient_steps,
            steps_per_epoch=steps_per_epoch,
            report_every_steps=training.report_every_steps,
            checkpoint_every_steps=training.checkpoint_every_steps,
            explosion_ratio=training.explosion_ratio,
            on_metrics=on_metrics,
        )

    def run(self, trainee: Trainee[Batch]) -> TrainingProgress:
        """Train. A finished training is not repeated. The losses are looked at now and then: a look stalls a GPU.

        Raises:
            TrainingDivergedError: the loss left its bounds; the last good state stays.
            StoreFullError: no space for a state; the last good one stays.
        """
        progress = self._resume(trainee)
        pending: list[torch.Tensor] = []
        samples, before, began = 0, progress.seconds, time.perf_counter()
        for batch in trainee.batches(progress.step):
            pending.append(trainee.step(batch, progress.step))
            progress.step += 1
            samples += trainee.samples(batch)
            done = progress.step == self._total
            epoch_ends = done or progress.step % self._per_epoch == 0
            checkpoint = done or progress.step % self._checkpoint_every == 0
            if epoch_ends or checkpoint or progress.step % self._report_every == 0:
                progress.train_loss = self._check(pending, progress)
                pending = []
                if epoch_ends:
                    progress.validation_loss = trainee.validate()
                elapsed = time.perf_counter() - began
                progress.seconds = before + elapsed
                rate = trainee.learning_rate(progress.step - 1)
                self._on_metrics(self._metrics(progress, epoch_ends, rate, samples / elapsed))
            if checkpoint:
                self._save(trainee, progress)
        return progress

    def _check(self, pending: list[torch.Tensor], progress: TrainingProgress) -> float:
        """Mean of the losses since the last look; raises TrainingDivergedError at the first bad one."""
        losses = torch.stack(pending).double().cpu().numpy()
        if progress.first_loss is None:
            progress.first_loss = float(losses[0])
        limit = self._explosion_ratio * max(abs(progress.first_loss), 1.0)
        for offset, loss in enumerate(losses):
            if not math.isfinite(loss) or loss > limit:
                step = progress.step - len(losses) + offset
                raise TrainingDivergedError(step=step, value=float(loss), limit=limit)
        return float(losses.mean())

    def _metrics(
        self, progress: TrainingProgress, epoch_ends: bool, rate: float, samples_per_second: float
    ) -> TrainingMetrics:
        return TrainingMetrics(
            step=progress.step,
            total_steps=self._total,
            epoch=progress.step / self._per_epoch,
            loss=progress.train_loss,
            validation_loss=progress.validation_loss if epoch_ends else None,
            learning_rate=rate,
            samples_per_second=samples_per_second,
        )

    def _save(self, trainee: Trainee[Batch], progress: TrainingProgress) -> None:
        arrays, facts = trainee.state()
        facts |= {"fingerprint": self._fingerprint, "progress": asdict(progress)}
        write_array_file(self._path, arrays, facts, kind=self._kind)

    def _resume(self, trainee: Trainee[Batch]) -> TrainingProgress:
        if not self._path.exists():
            return TrainingProgress()
        try:
            arrays, facts, _ = read_array_file(self._path, kind=self._kind)
        except ArrayFileError as error:
            _LOG.warning("beginning anew: %s", error)
            return TrainingProgress()
        if facts["fingerprint"] != self._fingerprint:
            _LOG.warning("beginning anew: %s is of other settings, data or weights", self._path)
            return TrainingProgress()
        trainee.restore(arrays, facts)
        return TrainingProgress(**facts["progress"])
