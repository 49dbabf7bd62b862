"""Choices of the collective policy's network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

ContextName = Literal["code", "id", "zeros", "joint"]


@dataclass(frozen=True, kw_only=True)
class CollectivePolicyConfig:
    """What tells the tasks apart, and the sizes of the actor."""

    context: ContextName = "code"
    """code: what a frozen trajectory transformer makes of the last steps; joint: the same, the transformer learns
    with the actor; id: the task's name as a one-hot vector; zeros: nothing, the control."""
    hidden: tuple[int, ...] = (300, 300)
    """Widths of the actor's hidden layers, each 8..4096."""
    log_std_min: float = -20.0
    """Smallest log standard deviation before the squashing, -20..0."""

    def __post_init__(self) -> None:
        if self.context not in get_args(ContextName):
            raise ValueError(
                f"context must be one of {', '.join(get_args(ContextName))}: got {self.context!r}"
            )
        if not self.hidden or any(not 8 <= width <= 4096 for width in self.hidden):
            raise ValueError(f"hidden must hold at least one width, each in 8..4096: got {self.hidden}")
        if not -20.0 <= self.log_std_min <= 0.0:  # also refuses NaN
            raise ValueError(f"log_std_min must be in -20..0: got {self.log_std_min}")

    @property
    def reads_history(self) -> bool:
        """Whether the context comes from a trajectory transformer."""
        return self.context in ("code", "joint")
