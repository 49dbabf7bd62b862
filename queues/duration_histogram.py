"""How long something took, in buckets that double."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Upper bounds of the buckets in seconds: 1 ms, 2 ms, 4 ms, ... about 35 minutes, infinity.
BOUNDS = (*(2**exponent / 1000 for exponent in range(22)), math.inf)


@dataclass(frozen=True, kw_only=True)
class DurationHistogram:
    """Counts of durations; what was counted is never forgotten while the run lasts."""

    counts: tuple[int, ...] = (0,) * len(BOUNDS)
    """How many durations fell into each bucket of ``BOUNDS``."""
    sum_seconds: float = 0.0
    """Their sum."""

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def quantile(self, share: float) -> float:
        """The upper bound (seconds) of the bucket that holds the quantile; 0 when nothing was counted.

        Args:
            share: In 0..1, e.g. 0.99.
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share must be in 0..1: got {share}")
        below, total = 0, self.count
        for bound, count in zip(BOUNDS, self.counts, strict=True):
            below += count
            if below and below >= share * total:
                return bound
        return 0.0


def bucket_of(seconds: float) -> int:
    """Index of the bucket a duration falls into."""
    return next(index for index, bound in enumerate(BOUNDS) if seconds <= bound)
