"""Transitions for off-policy learning, in arrays that are allocated once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from potstill.experience.rollout_fragment import RolloutFragment


class ReplayBuffer:
    """The newest ``capacity`` transitions; the oldest are overwritten.

    Args:
        capacity: Transitions.
        observation_size: S.
        action_size: A.
        advice_size: D, numbers of advice that come with every transition, 0 = none.
    """

    def __init__(
        self, capacity: int, observation_size: int, action_size: int, *, advice_size: int = 0
    ) -> None:
        self.capacity = capacity
        # One row per transition: a sample is one gather instead of five.
        self._columns = _columns(observation_size, action_size, advice_size)
        self._advice_size = advice_size
        width = observation_size * 2 + action_size + 2 + advice_size
        self._rows = np.zeros((capacity, width), np.float32)
        self._next = 0
        self.size = 0
        """Transitions held."""

    def add(self, fragment: RolloutFragment, advice: np.ndarray | None = None) -> None:
        """Keep all transitions of a fragment, in the order of time.

        Args:
            fragment: (T, N).
            advice: (T, N, D) float32; None where D is 0.

        Raises:
            ValueError: advice of another size.
        """
        size = 0 if advice is None else advice.shape[-1]
        if size != self._advice_size:
            raise ValueError(f"advice must be {self._advice_size} numbers per transition: got {size}")
        arrays = [getattr(fragment, name) for name in self._columns if name != "advice"]
        arrays += [] if advice is None else [advice]
        parts = [array.reshape(fragment.decisions, -1) for array in arrays]
        rows = np.concatenate(parts, axis=1, dtype=np.float32)[-self.capacity :]
        places = (self._next + np.arange(len(rows))) % self.capacity
        self._rows[places] = rows
        self._next = int((self._next + len(rows)) % self.capacity)
        self.size = min(self.size + len(rows), self.capacity)

    def sample(self, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """``count`` transitions, uniformly with replacement: float32 arrays by name, each (count, ...).

        ``observation`` and ``next_observation`` (count, S), ``action`` (count, A), ``reward`` and ``terminated``
        (count,); with advice also ``advice`` (count, D).

        Raises:
            ValueError: the buffer is empty.
        """
        if self.size == 0:
            raise ValueError("the replay buffer is empty: add transitions before sampling")
        return self._split(self._rows[rng.integers(0, self.size, count)])

    def get_state(self) -> dict[str, np.ndarray]:
        """Everything, as arrays."""
        return {"rows": self._rows[: self.size].copy(), "next": np.array(self._next)}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """The inverse of ``get_state``.

        Raises:
            ValueError: the state is larger than this buffer, or of another layout.
        """
        rows = state["rows"]
        if rows.shape[1:] != self._rows.shape[1:] or len(rows) > self.capacity:
            raise ValueError(f"a replay of shape {rows.shape} does not fit into {self._rows.shape}")
        self._rows[: len(rows)] = rows
        self.size = len(rows)
        self._next = int(state["next"])

    def _split(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Views of packed rows (..., 2S + A + 2 + D) by name."""
        return {name: rows[..., place] for name, place in self._columns.items()}


def _columns(observation_size: int, action_size: int, advice_size: int) -> dict[str, slice | int]:
    behind = 2 * observation_size + action_size
    columns: dict[str, slice | int] = {
        "observation": slice(0, observation_size),
        "next_observation": slice(observation_size, 2 * observation_size),
        "action": slice(2 * observation_size, behind),
        "reward": behind,
        "terminated": behind + 1,
    }
    if advice_size:
        columns["advice"] = slice(behind + 2, behind + 2 + advice_size)
    return columns
