"""How a rollout worker collects episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What a student may be told beside its pictures.
StudentState = Literal["hand", "full"]


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """Length of an episode and how many a worker steps together."""

    max_steps: int = 120
    """Steps, 1..500; an episode that has not succeeded by then is truncated."""
    hold_steps: int = 10
    """Steps recorded after the first success, so that the student also learns to stay."""
    batch: int = 16
    """Episodes a worker steps in lock-step, 1..256; half of them wait for pictures while the others step.
    16 makes halves of 8, the chunk of batched inference."""
    state: StudentState = "hand"
    """What the student is told beside its pictures: position and opening of its own hand, or (the control without
    pixels, never a student to deploy) the full state that the expert sees. Stored as the episode's proprioception."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_steps <= 500:
            raise ValueError(f"max_steps must be in 1..500: got {self.max_steps}")
        if self.hold_steps < 0:
            raise ValueError(f"hold_steps must be at least 0: got {self.hold_steps}")
        if not 1 <= self.batch <= 256:
            raise ValueError(f"batch must be in 1..256: got {self.batch}")
        if self.state not in ("hand", "full"):
            raise ValueError(f"state must be hand or full: got {self.state!r}")
