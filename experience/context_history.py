"""The window of an episode that is being played: the same numbers that training later gathers from disk."""

from __future__ import annotations

from collections import deque

import numpy as np

from potstill.experience.context_window import ContextWindows


class ContextHistory:
    """Remembers the last ``length`` states of one episode and what was done between them.

    ::

        see(s_0) -> window() -> did(a_0, r_0) -> see(s_1) -> window() -> did(a_1, r_1) -> ...

    At every moment ``window()`` equals ``TrajectoryTable.windows`` of the row that this state becomes.
    """

    def __init__(self, length: int, state_size: int, action_size: int) -> None:
        """``length`` K >= 1 states of ``state_size`` numbers, actions of ``action_size``."""
        if length < 1:
            raise ValueError(f"length must be at least 1: got {length}")
        self._length, self._state_size, self._action_size = length, state_size, action_size
        self._states: deque[np.ndarray] = deque(maxlen=length)
        self._actions: deque[np.ndarray] = deque(maxlen=length - 1)
        self._rewards: deque[float] = deque(maxlen=length - 1)
        self._seen, self._done = 0, 0

    def see(self, state: np.ndarray) -> None:
        """The state (S,) before the next action. Raises RuntimeError when the last one was not acted upon."""
        if self._seen != self._done:
            raise RuntimeError(f"state {self._seen} is seen before action {self._done} was told")
        self._states.append(_row(state, self._state_size, "state"))
        self._seen += 1

    def did(self, action: np.ndarray, reward: float) -> None:
        """The action (A,) executed at the last seen state, and its reward. Raises RuntimeError without one."""
        if self._seen != self._done + 1:
            raise RuntimeError(f"action {self._done} is told before state {self._done} was seen")
        self._actions.append(_row(action, self._action_size, "action"))
        self._rewards.append(reward)
        self._done += 1

    def window(self) -> ContextWindows:
        """The window (N=1) that ends at the last seen state; raises RuntimeError when that was acted upon."""
        if self._seen != self._done + 1:
            raise RuntimeError(f"the window ends at a state to act upon: state {self._done} was not seen")
        length, held = self._length, len(self._states)
        states = np.zeros((1, length, self._state_size), np.float32)
        actions = np.zeros((1, length - 1, self._action_size), np.float32)
        rewards = np.zeros((1, length - 1), np.float32)
        states[0, length - held :] = self._states
        if held > 1:
            actions[0, length - held :] = self._actions
            rewards[0, length - held :] = self._rewards
        return ContextWindows(states, actions, rewards, np.arange(length)[None] >= length - held)


def _row(values: np.ndarray, size: int, name: str) -> np.ndarray:
    row = np.array(values, np.float32)  # a copy: the caller may write into its array
    if row.shape != (size,):
        raise ValueError(f"{name} must be ({size},): got {row.shape}")
    return row
