"""A network as it leaves the house: arrays by name in, arrays by name out, normalisers inside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn


class ExportModule(nn.Module, ABC):
    """What every kind of policy is made into before it is written to a file.

    ``forward`` takes the inputs of ``examples`` as keywords and returns one tensor for each of ``outputs``, in that
    order. The first axis of all of them is the batch.
    """

    outputs: tuple[str, ...]
    """``action`` (N, A) float32 in [-1, 1] first: the deterministic one."""

    @abstractmethod
    def examples(self, rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        """So many rows of every input, such as the network may meet."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a stranger must know to use it, as JSON values."""

    def interface(self) -> dict[str, Any]:
        """Names, shapes and dtypes of inputs, and the names of the outputs, as JSON values."""
        inputs = {
            name: {"shape": ["batch", *array.shape[1:]], "dtype": str(array.dtype)}
            for name, array in self.examples(np.random.default_rng(0), 1).items()
        }
        return {"inputs": inputs, "outputs": list(self.outputs)}

    def act(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name, worked out by torch as it stands."""
        with torch.inference_mode():
            results = self(**{name: torch.from_numpy(array) for name, array in inputs.items()})
        return {name: result.numpy() for name, result in zip(self.outputs, results, strict=True)}
