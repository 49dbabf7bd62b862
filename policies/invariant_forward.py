"""Forward passes whose rows never feel who shares the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from potstill.policies.one_thread import one_thread

_CHECK_SEED = 20_240_711
_CHECK_TRIALS = 2


class InvariantForward:
    """A network on the CPU as a function of numpy rows, each bitwise independent of the batch.

    Matrix kernels are chosen by the sizes of their operands, so one row gives other last bits in a batch of
    1 than in a batch of 32. Here every forward pass has the same size (short chunks are padded with zeros),
    runs on one thread and out of the same aligned buffers. What is left, that a row's slot and neighbours
    might matter, is tried out on examples when the object is made, and the chunk halved until they
    do not (one by one is always invariant). So results are equal for any batch size, order and worker on one
    kind of machine.
    """

    chunk: int
    """Rows per forward pass that passed the check."""

    def __init__(
        self,
        forward: Callable[..., Tensor],
        examples: Callable[[np.random.Generator, int], Mapping[str, np.ndarray]],
        *,
        chunk: int,
    ) -> None:
        """Check the network and settle on a chunk.

        Args:
            forward: The inputs by name as tensors (chunk, ...) to a float32 tensor (chunk, outputs).
            examples: Makes so many rows of every input. Their shapes and dtypes are what inputs must have.
            chunk: Rows per forward pass, >= 1.
        """
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1: got {chunk}")
        self._forward, self._examples = forward, examples
        self._allocate(chunk)
        while self.chunk > 1 and not self._rows_are_independent():
            self._allocate(self.chunk // 2)

    def __call__(self, **inputs: np.ndarray) -> np.ndarray:
        """The outputs (N, outputs) float32 of N rows.

        Raises:
            ValueError: an input has another shape or dtype than the examples.
        """
        count = self._check(inputs)
        outputs = np.empty((count, self._outputs), np.float32)
        with one_thread(), torch.inference_mode():
            for first in range(0, count, self.chunk):
                rows = min(self.chunk, count - first)
                for name, buffer in self._buffers.items():
                    buffer.numpy()[:rows] = inputs[name][first : first + rows]
                    buffer[rows:] = 0
                outputs[first : first + rows] = self._forward(**self._buffers)[:rows].numpy()
        return outputs

    def _allocate(self, chunk: int) -> None:
        self.chunk = chunk
        examples = self._examples(np.random.default_rng(_CHECK_SEED), chunk)
        self._buffers = {name: torch.zeros_like(torch.from_numpy(array)) for name, array in examples.items()}
        with torch.inference_mode():
            self._outputs = self._forward(**self._buffers).shape[1]

    def _check(self, inputs: Mapping[str, np.ndarray]) -> int:
        if inputs.keys() != self._buffers.keys():
            raise ValueError(f"inputs must be {sorted(self._buffers)}: got {sorted(inputs)}")
        count = len(next(iter(inputs.values())))
        for name, array in inputs.items():
            buffer = self._buffers[name].numpy()
            wanted = (count, *buffer.shape[1:])
            if array.shape != wanted or array.dtype != buffer.dtype:
                raise ValueError(f"{name} must be {wanted} {buffer.dtype}: got {array.shape} {array.dtype}")
        return count

    def _rows_are_independent(self) -> bool:
        """Whether a full chunk gives each row the same bits in every slot and next to padding."""
        rng = np.random.default_rng(_CHECK_SEED)
        for _ in range(_CHECK_TRIALS):
            rows = self._examples(rng, self.chunk)
            together = self(**rows)
            for shift in range(1, self.chunk):
                moved = self(**{name: np.roll(array, shift, axis=0) for name, array in rows.items()})
                if not np.array_equal(np.roll(moved, -shift, axis=0), together):
                    return False
            for row in range(self.chunk):
                alone = self(**{name: array[row : row + 1] for name, array in rows.items()})
                if not np.array_equal(alone[0], together[row]):
                    return False
        return True
