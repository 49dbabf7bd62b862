"""How strongly the oracle is disturbed while it stands in for an expert that could not be trained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NoiseSchedule:
    """First a fifth of all steps with much noise, then less and less, at the end a clean third (PACE's schedule)."""

    sigma_hi: float = 0.5
    """Standard deviation until 20 % of the steps, [0, 2]."""
    sigma_lo: float = 0.1
    """Standard deviation at 70 % of the steps, reached in a straight line, [0, sigma_hi]; 0 from there on."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.sigma_lo <= self.sigma_hi <= 2.0:
            raise ValueError(
                f"sigma_lo must be in [0, sigma_hi] and sigma_hi in [0, 2]: got {self.sigma_lo} and {self.sigma_hi}"
            )

    def sigma(self, progress: float) -> float:
        """The standard deviation after a share of all steps, 0 <= progress < 1."""
        if progress < _HIGH_UNTIL:
            return self.sigma_hi
        if progress >= _ZERO_FROM:
            return 0.0
        done = (progress - _HIGH_UNTIL) / (_ZERO_FROM - _HIGH_UNTIL)
        return self.sigma_hi + done * (self.sigma_lo - self.sigma_hi)


_HIGH_UNTIL, _ZERO_FROM = 0.2, 0.7
