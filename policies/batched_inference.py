"""Acting for many episodes at once so that an episode never feels who shares its batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.policy_checkpoint import load_policy

#: Observations per forward pass. Larger is hardly quicker; a single observation pays for this many.
DEFAULT_CHUNK = 8
_CHECK_SEED = 20_240_711
_CHECK_TRIALS = 2


class BatchedInference:
    """``Policy`` on the CPU whose rows are bitwise independent of the batch.

    Matrix kernels are chosen by the sizes of their operands, so one row gives other last bits in a batch of
    1 than in a batch of 32. Here every forward pass has the same size (short chunks are padded with zeros),
    runs on one thread and out of the same aligned buffers. What is left, that a row's slot and neighbours
    might matter, is tried out on random observations when the object is made, and the chunk halved until they
    do not (one by one is always invariant). So actions are equal for any batch size, order and worker on one
    kind of machine.
    """

    version: str
    frame_stack: int
    chunk: int
    """Observations per forward pass that passed the check."""

    def __init__(self, policy: PixelPolicy, *, version: str, chunk: int = DEFAULT_CHUNK) -> None:
        """Take over ``policy`` (on the CPU); ``version`` is its checkpoint's sha256. ``chunk`` >= 1."""
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1: got {chunk}")
        self._policy = policy.eval().requires_grad_(False)
        self.version = version
        self.frame_stack = policy.config.frame_stack
        self._allocate(chunk)
        while self.chunk > 1 and not self._rows_are_independent():
            self._allocate(self.chunk // 2)

    @classmethod
    def load(cls, folder: Path, *, expected_sha256: str | None = None) -> BatchedInference:
        """From a checkpoint folder; raises ArrayFileError when it is missing, corrupt or another version."""
        policy, sha256 = load_policy(folder, expected_sha256=expected_sha256)
        return cls(policy, version=sha256)

    def act(self, frames: np.ndarray, proprio: np.ndarray) -> np.ndarray:  # noqa: D102 - see Policy
        self._check(frames, proprio)
        actions = np.empty((len(frames), self._policy.shape.actions), np.float32)
        with _one_thread(), torch.inference_mode():
            for first in range(0, len(frames), self.chunk):
                rows = min(self.chunk, len(frames) - first)
                self._frames.numpy()[:rows] = frames[first : first + rows]
                self._proprio.numpy()[:rows] = proprio[first : first + rows]
                self._frames[rows:] = 0
                self._proprio[rows:] = 0
                actions[first : first + rows] = self._policy(self._frames, self._proprio).mean[:rows].numpy()
        return actions

    def _allocate(self, chunk: int) -> None:
        shape = self._policy.shape
        self.chunk = chunk
        size = (chunk, self.frame_stack, shape.cameras, shape.height, shape.width, 3)
        self._frames = torch.zeros(size, dtype=torch.uint8)
        self._proprio = torch.zeros(chunk, self.frame_stack, shape.proprio)

    def _check(self, frames: np.ndarray, proprio: np.ndarray) -> None:
        for name, array, buffer, dtype in (
            ("frames", frames, self._frames, np.uint8),
            ("proprio", proprio, self._proprio, np.float32),
        ):
            wanted = (len(frames), *buffer.shape[1:])
            if array.shape != wanted or array.dtype != dtype:
                raise ValueError(
                    f"{name} must be {wanted} {np.dtype(dtype).name}: got {array.shape} {array.dtype}"
                )

    def _rows_are_independent(self) -> bool:
        """Whether a full chunk gives each row the same bits in every slot and next to padding."""
        rng = np.random.default_rng(_CHECK_SEED)
        for _ in range(_CHECK_TRIALS):
            frames = rng.integers(0, 256, self._frames.shape, dtype=np.uint8)
            proprio = rng.normal(size=self._proprio.shape).astype(np.float32)
            together = self.act(frames, proprio)
            for shift in range(1, self.chunk):
                moved = self.act(np.roll(frames, shift, axis=0), np.roll(proprio, shift, axis=0))
                if not np.array_equal(np.roll(moved, -shift, axis=0), together):
                    return False
            alone = [self.act(frames[row : row + 1], proprio[row : row + 1])[0] for row in range(self.chunk)]
            if not np.array_equal(np.stack(alone), together):
                return False
        return True


@contextmanager
def _one_thread() -> Iterator[None]:
    """One torch thread: how threads share a matrix changes the order of sums."""
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
