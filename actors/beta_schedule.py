"""How often the expert's action is executed in each DAgger round (Ross et al. 2011, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class BetaSchedule:
    """Probability per step that the expert acts; round 0 is always the teachers' (beta = 1)."""

    kind: Literal["const", "linear", "exponential"] = "const"
    """const: ``value`` in every on-policy round. linear: from 1 down to 0 over ``rampdown_rounds``.
    exponential: ``value`` ** round."""
    value: float = 0.0
    """0..1; the constant, or the base of the exponential."""
    rampdown_rounds: int = 3
    """Rounds until linear reaches 0; at least 1."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise ValueError(f"value must be in [0, 1]: got {self.value}")
        if self.rampdown_rounds < 1:
            raise ValueError(f"rampdown_rounds must be at least 1: got {self.rampdown_rounds}")

    def beta(self, round_index: int) -> float:
        """Beta of a round (0 = bootstrap)."""
        if round_index == 0:
            return 1.0
        if self.kind == "const":
            return self.value
        if self.kind == "linear":
            return max(0.0, 1.0 - round_index / self.rampdown_rounds)
        return self.value**round_index
