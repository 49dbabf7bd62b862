"""The collective policy acting for many live episodes at once, of any tasks and robots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from potstill.experience.context_window import ContextWindows
from potstill.policies.collective_checkpoint import load_collective
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.invariant_forward import InvariantForward
from potstill.policies.window_tensors import WindowTensors

#: Windows per forward pass; a single one pays for this many.
DEFAULT_CHUNK = 8


class CollectiveInference:
    """Deterministic actions on the CPU; row n depends on window n and task n alone, bit for bit."""

    version: str
    """sha256 of the checkpoint: equal versions act equally."""
    window: int
    """K: states it must be shown, newest last; 1 when the context needs no history."""
    chunk: int
    """Windows per forward pass that passed the check of ``InvariantForward``."""

    def __init__(self, policy: CollectivePolicy, *, version: str, chunk: int = DEFAULT_CHUNK) -> None:
        """Take over ``policy`` (on the CPU); ``version`` is its checkpoint's sha256. ``chunk`` >= 1."""
        self._policy = policy.eval().requires_grad_(False)
        self.version, self.window = version, policy.window
        self._forward = InvariantForward(self._act, self._examples, chunk=chunk)
        self.chunk = self._forward.chunk

    @classmethod
    def load(cls, folder: Path, *, expected_sha256: str | None = None) -> CollectiveInference:
        """From a checkpoint folder; raises ArrayFileError when it is missing, corrupt or another version."""
        policy, sha256 = load_collective(folder, expected_sha256=expected_sha256)
        return cls(policy, version=sha256)

    def act(self, windows: ContextWindows, tasks: Sequence[str]) -> np.ndarray:
        """Actions (N, A) float32 in [-1, 1], the squashed means.

        Args:
            windows: N windows of K = ``window`` states.
            tasks: N names; only the context ``id`` needs to know them.

        Raises:
            ValueError: shapes or dtypes are not the policy's, or a task is unknown to the context ``id``.
        """
        return self._forward(
            states=windows.states,
            actions=windows.actions,
            rewards=windows.rewards,
            valid=windows.valid,
            task=np.array(self._policy.task_numbers(tasks), np.int64),
        )

    def _act(
        self,
        states: torch.Tensor,
        actions: torch.Tensor,
        rewards: torch.Tensor,
        valid: torch.Tensor,
        task: torch.Tensor,
    ) -> torch.Tensor:
        mean, _ = self._policy(WindowTensors(states, actions, rewards, valid), task)
        return torch.tanh(mean)

    def _examples(self, rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        """Windows with beginnings of all lengths."""
        policy, length = self._policy, self.window
        valid = np.arange(length) >= rng.integers(0, length, (rows, 1))
        states = rng.normal(size=(rows, length, policy.state_size)).astype(np.float32)
        actions = rng.uniform(-1, 1, (rows, length - 1, policy.action_size)).astype(np.float32)
        rewards = rng.uniform(0, 10, (rows, length - 1)).astype(np.float32)
        return {
            "states": states * valid[..., None],
            "actions": actions * valid[:, :-1, None],
            "rewards": rewards * valid[:, :-1],
            "valid": valid,
            "task": rng.integers(0, len(policy.tasks), rows),
        }
