"""Errors of soft actor-critic."""

from __future__ import annotations


class DivergedError(Exception):
    """A loss became NaN, infinite or huge; what was trained since the last checkpoint is worthless."""

    def __init__(self, update: int, name: str, value: float) -> None:
        """``update`` is the first bad one (counted from 1), ``name`` and ``value`` what was bad in it."""
        super().__init__(
            f"training diverged at update {update}: {name} is {value:g}. Lower sac.critic_learning_rate or "
            "sac.reward_scale, or switch sac.critic_layer_norm on"
        )
        self.update, self.name, self.value = update, name, value

    def __reduce__(self) -> tuple:
        return type(self), (self.update, self.name, self.value)
