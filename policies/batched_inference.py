"""Acting for many episodes at once so that an episode never feels who shares its batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from potstill.policies.invariant_forward import InvariantForward
from potstill.policies.pixel_policy import PixelPolicy
from potstill.policies.policy_checkpoint import load_policy

#: Observations per forward pass. Larger is hardly quicker; a single observation pays for this many.
DEFAULT_CHUNK = 8


class BatchedInference:
    """``Policy`` on the CPU whose rows are bitwise independent of the batch (``InvariantForward``)."""

    version: str
    frame_stack: int
    chunk: int
    """Observations per forward pass that passed the check."""

    def __init__(self, policy: PixelPolicy, *, version: str, chunk: int = DEFAULT_CHUNK) -> None:
        """Take over ``policy`` (on the CPU); ``version`` is its checkpoint's sha256. ``chunk`` >= 1."""
        self._policy = policy.eval().requires_grad_(False)
        self.version = version
        self.frame_stack = policy.config.frame_stack
        self._forward = InvariantForward(self._mean, self._examples, chunk=chunk)
        self.chunk = self._forward.chunk

    @classmethod
    def load(cls, folder: Path, *, expected_sha256: str | None = None) -> BatchedInference:
        """From a checkpoint folder; raises ArrayFileError when it is missing, corrupt or another version."""
        policy, sha256 = load_policy(folder, expected_sha256=expected_sha256)
        return cls(policy, version=sha256)

    def act(self, frames: np.ndarray, proprio: np.ndarray) -> np.ndarray:  # noqa: D102 - see Policy
        return self._forward(frames=frames, proprio=proprio)

    def _mean(self, frames: torch.Tensor, proprio: torch.Tensor) -> torch.Tensor:
        return self._policy(frames, proprio).mean

    def _examples(self, rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        shape = self._policy.shape
        size = (rows, self.frame_stack, shape.cameras, shape.height, shape.width, 3)
        return {
            "frames": rng.integers(0, 256, size, dtype=np.uint8),
            "proprio": rng.normal(size=(rows, self.frame_stack, shape.proprio)).astype(np.float32),
        }
