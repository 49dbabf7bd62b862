"""How the rounds of a run are put together into one data set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AggregationConfig:
    """Default: the plain union of all rounds, every sample equal. "Old" means every round but the newest."""

    validation_fraction: float = 0.1
    """Share of episodes held out, 0 <= f < 1; an episode never changes sides as rounds are added."""
    old_weight: float = 1.0
    """Loss weight of samples of old rounds, 0 < w <= 1 (reweight); the newest round's is 1."""
    old_keep_ratio: float = 1.0
    """Share of the episodes of old rounds that is used, 0 < r <= 1 (keep ratio)."""
    max_episodes_per_round: int | None = None
    """At most this many training episodes of each round, at least 1 (cap); None = all."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction must be in [0, 1): got {self.validation_fraction}")
        for name in ("old_weight", "old_keep_ratio"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in (0, 1]: got {getattr(self, name)}")
        if self.max_episodes_per_round is not None and self.max_episodes_per_round < 1:
            raise ValueError(
                f"max_episodes_per_round must be at least 1 or none: got {self.max_episodes_per_round}"
            )
