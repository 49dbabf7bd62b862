"""Rows of a trajectory table as batches of windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from potstill.experience.episode_split import Split
from potstill.experience.stratified_sampler import StratifiedSampler
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.policies.window_tensors import WindowTensors


class RepresentationBatch(NamedTuple):
    """B windows on the learner's device."""

    windows: WindowTensors
    """Raw: neither normalised nor masked."""
    task: Tensor
    """(B,) int64, places in the table's tasks."""
    robot: Tensor
    """(B,) int64, places in the table's robots."""


class RepresentationData:
    """Batches with equal parts of every (robot, task); a batch is a pure function of seed and number."""

    def __init__(
        self,
        table: TrajectoryTable,
        *,
        window: int,
        batch_size: int,
        validation_batches: int,
        seed: int,
        device: torch.device,
    ) -> None:
        """Prepare the samplers.

        Args:
            table: The rows.
            window: States of a window.
            batch_size: B; smaller when there are fewer rows.
            validation_batches: As many, or as hold the validation split once.
            seed: Of the samplers.
            device: Where batches go.
        """
        self._table, self._window, self._batch_size = table, window, batch_size
        self._seed, self._device = seed, device
        self.training_rows = table.rows("train")
        validation_rows = table.rows("validation")
        self._validation_count = min(validation_batches, -(-len(validation_rows) // batch_size))
        self._training = self._sampler(self.training_rows)
        self._validation = self._sampler(validation_rows) if len(validation_rows) else None
        self._validation_rows = validation_rows

    @property
    def fingerprint(self) -> str:
        """Hash of the rows and their split."""
        return self._table.fingerprint

    @property
    def batches_per_epoch(self) -> int:
        """Batches that hold as many rows as the training split."""
        return -(-len(self.training_rows) // self._batch_size)

    def training_batch(self, number: int) -> RepresentationBatch:
        """Batch ``number`` >= 0."""
        return self.batch(self.training_rows[self._training.batch(number)])

    def validation_batches(self) -> Iterator[RepresentationBatch]:
        """The same batches of held-out episodes each time; none without such episodes."""
        if self._validation is None:
            return
        for number in range(self._validation_count):
            yield self.batch(self._validation_rows[self._validation.batch(number)])

    def some_rows(self, split: Split, count: int) -> np.ndarray:
        """(N,) int64: all rows of a split, or ``count`` drawn of them; ascending."""
        rows = self.training_rows if split == "train" else self._validation_rows
        if len(rows) <= count:
            return rows
        return np.sort(np.random.default_rng(self._seed).choice(rows, count, replace=False))

    def batch(self, rows: np.ndarray) -> RepresentationBatch:
        """The windows that end at ``rows`` (B,)."""
        task, robot = (
            torch.from_numpy(column[rows].astype(np.int64)).to(self._device, non_blocking=True)
            for column in (self._table.task_of_row, self._table.robot_of_row)
        )
        windows = WindowTensors.of(self._table.windows(rows, self._window))
        return RepresentationBatch(windows.to(self._device), task, robot)

    def _sampler(self, rows: np.ndarray) -> StratifiedSampler:
        size = min(self._batch_size, len(rows))
        return StratifiedSampler(self._table.cell_of_row[rows], batch_size=size, seed=self._seed)
