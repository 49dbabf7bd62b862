"""The acting student as the rollout worker sees it."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Student(Protocol):
    """Acts from pixels and proprioception alone: there is no argument through which it could see more."""

    frame_stack: int
    """K: how many past pictures it is shown."""

    def act(self, frames: np.ndarray, proprio: np.ndarray) -> np.ndarray:
        """(N, K, C, H, W, 3) uint8 and (N, K, P) float32 -> (N, A) float32 in [-1, 1]."""
