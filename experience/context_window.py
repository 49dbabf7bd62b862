"""What a learner of trajectories is shown at one moment: the last K states and what happened between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, eq=False)
class ContextWindows:
    """N windows of K states. Legend: N windows, K length, S state, A action.

    ::

        index          0        1      ...    K-2      K-1
        states       s_t-K+1  s_t-K+2  ...   s_t-1     s_t
        actions      a_t-K+1  a_t-K+2  ...   a_t-1
        rewards      r_t-K+1  r_t-K+2  ...   r_t-1

    Where the episode had not begun, everything is 0 and ``valid`` False. Transition i counts when ``valid[:, i]``;
    state i + 1 then counts, too. Neither the action taken at s_t nor anything after it is part of the window.
    """

    states: np.ndarray
    """(N, K, S) float32."""
    actions: np.ndarray
    """(N, K-1, A) float32: executed."""
    rewards: np.ndarray
    """(N, K-1) float32."""
    valid: np.ndarray
    """(N, K) bool; the last column is True."""

    def __post_init__(self) -> None:
        count, length = self.valid.shape
        shapes = {
            "states": (count, length, self.states.shape[-1]),
            "actions": (count, length - 1, self.actions.shape[-1]),
            "rewards": (count, length - 1),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(f"{name} must be {shape} float32: got {array.shape} {array.dtype}")
        if self.valid.dtype != np.bool_:
            raise ValueError(f"valid must be bool: got {self.valid.dtype}")

    def __len__(self) -> int:
        return int(self.valid.shape[0])

    @property
    def length(self) -> int:
        """K: states of a window."""
        return int(self.valid.shape[1])


def stack_windows(windows: Sequence[ContextWindows]) -> ContextWindows:
    """Windows of the same K, S and A one after another, (sum of N, ...).

    Raises:
        ValueError: none at all, or of different sizes.
    """
    return ContextWindows(
        *(np.concatenate([getattr(part, field.name) for part in windows]) for field in fields(ContextWindows))
    )
