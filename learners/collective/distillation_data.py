"""Rows of a trajectory table as batches of the distillation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from potstill.experience.stratified_sampler import StratifiedSampler
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.collective.losses import ExpertLabels
from potstill.policies.window_tensors import WindowTensors

#: Validation looks at no more rows than this, evenly spread; more would tell the same.
MOST_VALIDATION_ROWS = 8192


class DistillationBatch(NamedTuple):
    """B rows on the learner's device."""

    windows: WindowTensors
    """Windows of the length the policy needs; of the last state alone where codes are given or none is needed."""
    codes: Tensor | None
    """(B, Z) the frozen transformer's codes, or None: the policy works out its context."""
    task: Tensor
    """(B,) int64, the policy's task numbers."""
    labels: ExpertLabels


class DistillationData:
    """Batches with equal parts of every (robot, task); a batch is a pure function of seed and step."""

    def __init__(
        self,
        table: TrajectoryTable,
        *,
        task_numbers: Sequence[int],
        window: int,
        codes: np.ndarray | None,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        """Prepare the sampler.

        Args:
            table: The rows.
            task_numbers: The policy's number of each of ``table.tasks``.
            window: States of a window.
            codes: (R, Z) float32 of all rows, or None.
            batch_size: B; smaller when there are fewer training rows.
            seed: Of the sampler.
            device: Where batches go.
        """
        self._table, self._codes, self._window, self._device = table, codes, window, device
        self._task_numbers = np.array(task_numbers, np.int64)
        self.training_rows = table.rows("train")
        validation = table.rows("validation")
        some = np.linspace(0, len(validation) - 1, min(len(validation), MOST_VALIDATION_ROWS)).astype(int)
        self.validation_rows = validation[some]
        self.batch_size = min(batch_size, len(self.training_rows))
        self._sampler = StratifiedSampler(
            table.cell_of_row[self.training_rows], batch_size=self.batch_size, seed=seed
        )

    @property
    def fingerprint(self) -> str:
        """Hash of the rows and their split."""
        return self._table.fingerprint

    @property
    def batches_per_epoch(self) -> int:
        """Batches that hold as many rows as the training split."""
        return -(-len(self.training_rows) // self.batch_size)

    def training_batch(self, step: int) -> DistillationBatch:
        """Batch number ``step`` >= 0."""
        return self._batch(self.training_rows[self._sampler.batch(step)])

    def validation_batches(self) -> Iterator[DistillationBatch]:
        """The validation rows in parts of about B."""
        count = -(-len(self.validation_rows) // self.batch_size)
        return (
            self._batch(rows) for rows in np.array_split(self.validation_rows, max(count, 1)) if len(rows)
        )

    def _batch(self, rows: np.ndarray) -> DistillationBatch:
        columns = self._table.columns

        def moved(array: np.ndarray) -> Tensor:
            return torch.from_numpy(array).to(self._device, non_blocking=True)

        return DistillationBatch(
            windows=WindowTensors.of(self._table.windows(rows, self._window)).to(self._device),
            codes=None if self._codes is None else moved(self._codes[rows]),
            task=moved(self._task_numbers[self._table.task_of_row[rows]]),
            labels=ExpertLabels(*(moved(columns[name][rows]) for name in ("mu", "log_std", "labelled_std"))),
        )
