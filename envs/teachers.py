"""Teachers: whoever maps a privileged observation to an action."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import metaworld.policies
import numpy as np

from potstill.envs.task_names import check_task_name


class Teacher(Protocol):
    """Acts on the privileged observation (S,) float64; returns an action (A,) float32 in [-1, 1]."""

    name: str

    def act(self, privileged: np.ndarray) -> np.ndarray:
        """The action for one observation."""


class OracleTeacher:
    """Meta-World's scripted policy of a task; stateless, so a label can be recomputed exactly at any time.

    Raises:
        ValueError: unknown task.
    """

    def __init__(self, task: str) -> None:
        check_task_name(task)
        # The scripted policies warn at every step about gains that the clipping below takes care of.
        warnings.filterwarnings("ignore", message="Constant.s. may be too high")
        self.name = "oracle"
        self._policy: Any = getattr(metaworld.policies, _policy_class_name(task))()

    def act(self, privileged: np.ndarray) -> np.ndarray:
        """The scripted action, clipped to the action space."""
        # A copy: some scripted policies (door-close) add offsets to the observation they are given.
        action = np.clip(self._policy.get_action(privileged.copy()), -1.0, 1.0)
        return np.asarray(action, dtype=np.float32)


class NoisyTeacher:
    """A degraded teacher: the oracle's stand-in for an intermediate checkpoint in the bootstrap round.

    Noise is an Ornstein-Uhlenbeck walk, because independent noise averages out over a reach and would
    visit hardly any state that the clean teacher does not.
    """

    def __init__(self, teacher: Teacher, *, sigma: float, rng: np.random.Generator) -> None:
        if not 0.0 < sigma <= 2.0:
            raise ValueError(f"sigma must be in (0, 2]: got {sigma}")
        self.name = f"{teacher.name}.noise_{sigma:g}"
        self._teacher = teacher
        self._sigma = sigma
        self._rng = rng
        self._noise = np.zeros(4)

    def act(self, privileged: np.ndarray) -> np.ndarray:
        """The teacher's action plus correlated noise, clipped."""
        return self.disturb(self._teacher.act(privileged))

    def disturb(self, action: np.ndarray) -> np.ndarray:
        """An action of the teacher's, already known, plus the noise of the next step, clipped."""
        self._noise = _OU_DECAY * self._noise + self._sigma * np.sqrt(1 - _OU_DECAY**2) * self._rng.normal(
            size=4
        )
        return np.clip(action + self._noise, -1.0, 1.0).astype(np.float32)


#: Correlation of successive noise values; 0.8 remembers about five steps.
_OU_DECAY = 0.8


def _policy_class_name(task: str) -> str:
    words = task.removesuffix("-v3").split("-")
    if task == "peg-insert-side-v3":  # Meta-World names this one policy differently from its task
        words = ["peg", "insertion", "side"]
    return "Sawyer" + "".join(word.capitalize() for word in words) + "V3Policy"
