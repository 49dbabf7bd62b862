"""Behaviour cloning as the training loop sees it: batches of pictures from disk, steps, validation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from potstill.experience.episode_dataset import Batch, EpisodeDataset
from potstill.learners.bc.augmentation import RandomShift
from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.optimisation import Optimisation

Tensors = dict[str, torch.Tensor]


class BcTrainee:
    """``Trainee`` on an ``EpisodeDataset``: batch ``number`` is a pure function of (seed, number)."""

    def __init__(
        self,
        optimisation: Optimisation,
        dataset: EpisodeDataset,
        config: BcConfig,
        *,
        seed: int,
        total_steps: int,
        device: torch.device,
    ) -> None:
        """``optimisation`` holds a policy on ``device``."""
        self._optimisation, self._dataset, self._config = optimisation, dataset, config
        self._seed, self._total, self._device = seed, total_steps, device

    def batches(self, start: int) -> Iterator[Tensors]:  # noqa: D102 - see Trainee
        self._optimisation.policy.train()
        batches = self._dataset.training_batches(
            batch_size=self._config.batch_size,
            seed=self._seed,
            start=start,
            stop=self._total,
            transform=RandomShift(self._config.random_shift),
            allocate=self._allocate,
        )
        return self._on_device(batches)

    def step(self, batch: Tensors, number: int) -> torch.Tensor:  # noqa: D102
        return self._optimisation.step(batch, number)

    def samples(self, batch: Tensors) -> int:  # noqa: D102
        return len(batch["weight"])

    @torch.no_grad()
    def validate(self) -> float | None:
        """Mean loss of the averaged policy over every validation sample."""
        total, weight = 0.0, 0
        batches = self._dataset.validation_batches(
            batch_size=self._config.batch_size, allocate=self._allocate
        )
        with self._optimisation.averaged() as policy:
            policy.eval()
            for batch in self._on_device(batches):
                size = len(batch["weight"])
                total += self._optimisation.loss(batch).item() * size
                weight += size
            policy.train()
        return total / weight if weight else None

    def learning_rate(self, number: int) -> float:  # noqa: D102
        return self._optimisation.learning_rate(number)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:  # noqa: D102
        return self._optimisation.state()

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:  # noqa: D102
        self._optimisation.restore(arrays, facts)

    def _on_device(self, batches: Iterable[Batch]) -> Iterator[Tensors]:
        """Batches as tensors; a buffer goes back to the reading thread only when its copy has landed."""
        for batch in batches:
            tensors = {
                name: torch.from_numpy(array).to(self._device, non_blocking=True)
                for name, array in batch.items()
            }
            landed = torch.cuda.Event() if self._device.type == "cuda" else None
            if landed:
                landed.record()
            yield tensors
            if landed:
                landed.synchronize()

    def _allocate(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        if self._device.type != "cuda":
            return np.empty(shape, dtype)
        kind = torch.from_numpy(np.empty(0, dtype)).dtype
        return torch.empty(shape, dtype=kind, pin_memory=True).numpy()
