"""The acting collective student as the trajectory worker sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from potstill.experience.context_window import ContextWindows


class TrajectoryStudent(Protocol):
    """Acts on the last states, actions and rewards of each episode; a row's action depends on nothing else."""

    @property
    def version(self) -> str:
        """sha256 of its weights."""

    @property
    def window(self) -> int:
        """K: how many states, with the present one, it is shown."""

    def act(self, windows: ContextWindows, tasks: Sequence[str]) -> np.ndarray:
        """N windows of K states and the names of their tasks -> (N, A) float32 in [-1, 1]."""
