"""A mean over episodes that stays exact when several runners report different numbers of them."""

from __future__ import annotations

from typing import Any

from ray.rllib.utils.metrics.stats import MeanStats


class EpisodeMeanStats(MeanStats):
    """RLlib's own mean becomes a mean of the runners' means; this one sends every value to the root."""

    stats_cls_identifier = "episode_mean"

    def reduce(self, compile: bool = True) -> Any:
        """The mean at the root, all values below it."""
        if compile:
            return super().reduce(compile=True)
        every: Any = self.clone()
        every.values = list(self.values)
        self._set_values([])
        return every
