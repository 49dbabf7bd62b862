"""The contract of everything that turns observations into actions."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Policy(Protocol):
    """Acts for many episodes at once; stateless between calls."""

    version: str
    """sha256 of the weights: equal versions act equally."""
    frame_stack: int
    """K: consecutive frames and proprioceptions it is shown, newest last."""

    def act(self, frames: np.ndarray, proprio: np.ndarray) -> np.ndarray:
        """Actions of N observations.

        Args:
            frames: (N, K, C, H, W, 3) uint8 RGB, upright.
            proprio: (N, K, P) float32.

        Returns:
            (N, A) float32 in [-1, 1]; row n depends on row n alone, bit for bit.

        Raises:
            ValueError: shapes or dtypes are not the policy's.
        """
