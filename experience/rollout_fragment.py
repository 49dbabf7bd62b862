"""What a vectorised sampler hands to a replay buffer: T decisions of N environments, time-major, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, kw_only=True)
class RolloutFragment:
    """One decision of an agent is ``action_repeat`` environment steps; rewards are summed over them.

    Raises:
        ValueError: arrays that do not share (T, N) or have the wrong dtype; names the field.
    """

    observation: np.ndarray
    """(T, N, S) float32, before the action."""
    action: np.ndarray
    """(T, N, A) float32 in [-1, 1]."""
    reward: np.ndarray
    """(T, N) float32."""
    next_observation: np.ndarray
    """(T, N, S) float32, after the action; the last of its episode where ``truncated``, never the next one's first."""
    terminated: np.ndarray
    """(T, N) bool: the value after it is zero. Meta-World never terminates."""
    truncated: np.ndarray
    """(T, N) bool: the last decision of an episode that was cut by its time limit."""
    success: np.ndarray
    """(T, N) bool: the task's flag after any step of this decision."""
    episode_seed: np.ndarray
    """(T, N) int64: seed of the episode, which names it."""

    def __post_init__(self) -> None:
        shape = self.reward.shape
        for field in fields(self):
            array, dtype = getattr(self, field.name), _DTYPES.get(field.name, np.float32)
            if array.shape[:2] != shape or array.dtype != dtype:
                raise ValueError(
                    f"{field.name} must be {np.dtype(dtype)} with leading shape {shape}: "
                    f"got {array.dtype} {array.shape}"
                )

    @property
    def decisions(self) -> int:
        """T x N."""
        return int(self.reward.size)


_DTYPES = {"terminated": np.bool_, "truncated": np.bool_, "success": np.bool_, "episode_seed": np.int64}
