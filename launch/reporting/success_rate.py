"""A success rate is never shown without its number of episodes and its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SuccessRate:
    """Successes in n independent episodes."""

    successes: int
    episodes: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.episodes:
            raise ValueError(f"successes must be in 0..{self.episodes}: got {self.successes}")

    @property
    def rate(self) -> float | None:
        """In [0, 1]; None without episodes."""
        return self.successes / self.episodes if self.episodes else None

    @property
    def ci95(self) -> tuple[float, float]:
        """Wilson 95 % interval in [0, 1]; (0, 1), that is nothing known, without episodes."""
        if not self.episodes:
            return 0.0, 1.0
        # scipy.stats takes half a second to import; the first line of progress does not wait for it.
        from scipy.stats import binomtest

        interval = binomtest(self.successes, self.episodes).proportion_ci(0.95, method="wilson")
        return float(interval.low), float(interval.high)

    def __str__(self) -> str:
        if self.rate is None:
            return "not evaluated"
        low, high = self.ci95
        return f"{self.rate:.2f} [{low:.2f}, {high:.2f}] of {self.episodes}"
