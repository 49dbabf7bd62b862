"""What the trainer asks of whoever learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from potstill.policies.sac_networks import SacNetworks


@dataclass(frozen=True, kw_only=True)
class TrainingFigures:
    """After one stretch of sampling and learning; counts are of the whole training."""

    env_steps: int
    decisions: int
    updates: int
    success_rate: float | None
    """Of recent training episodes, [0, 1]; None before the first one ended."""
    episode_return: float | None
    """Mean of recent training episodes."""
    losses: dict[str, float]
    """Newest scalars by name; empty before the first update."""


class ExpertLearner(Protocol):
    """Learns one expert, in stretches of about a second."""

    def train(self) -> TrainingFigures:
        """One stretch.

        Raises:
            DivergedError: losses are not finite, or beyond reason.
        """

    def networks(self) -> SacNetworks:
        """A copy on the CPU."""

    def save(self, folder: Path) -> None:
        """Write everything that is needed to go on into a new folder."""

    def close(self) -> None:
        """Give back processes and memory."""
