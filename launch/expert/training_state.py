"""What training knows besides the networks: enough to go on after an interruption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from potstill.launch.expert.config import BudgetConfig, ExpertConfig, LadderConfig


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One evaluation."""

    env_steps: int
    successes: int
    episodes: int

    @property
    def rate(self) -> float:
        """In [0, 1]."""
        return self.successes / self.episodes


@dataclass(frozen=True, kw_only=True)
class TrainingState:
    """One moment of a training. Plain values: it is written as JSON into every checkpoint."""

    env_steps: int = 0
    decisions: int = 0
    updates: int = 0
    seconds: float = 0.0
    """Of training, all sessions together, evaluations included."""
    curve: tuple[CurvePoint, ...] = ()
    """Evaluations so far."""
    ladder: tuple[int, ...] = ()
    """Environment steps of the ladder's checkpoints."""
    ended: str = ""
    """Why training ended; empty while it goes on."""

    @property
    def best(self) -> CurvePoint | None:
        """The evaluation that succeeded most often; of equals the latest, which has learnt longest."""
        return max(self.curve, key=lambda point: (point.rate, point.env_steps), default=None)

    def evaluation_due(self, interval: int) -> bool:
        """Whether a multiple of ``interval`` was passed since the last evaluation."""
        last = self.curve[-1].env_steps if self.curve else 0
        return self.env_steps // interval > last // interval

    def rung_due(self, ladder: LadderConfig) -> bool:
        """Whether the newest evaluation belongs on the ladder."""
        *earlier, newest = self.curve
        reached = max((point.rate for point in earlier), default=0.0)
        if any(reached < level <= newest.rate for level in ladder.successes):
            return True
        last = self.ladder[-1] if self.ladder else 0
        return ladder.interval > 0 and newest.env_steps // ladder.interval > last // ladder.interval

    def reason_to_end(self, config: ExpertConfig) -> str:
        """Why training should end now; empty when it should not."""
        budget: BudgetConfig = config.budget
        newest = self.curve[-2:]
        if len(newest) == 2 and all(point.rate >= config.evaluation.stop_at for point in newest):
            return f"two evaluations in a row reached {config.evaluation.stop_at:g}"
        if self.env_steps >= budget.env_steps:
            return f"{budget.env_steps} environment steps are done"
        if budget.minutes is not None and self.seconds >= 60.0 * budget.minutes:
            return f"{budget.minutes:g} minutes are over"
        return ""

    def to_mapping(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> TrainingState:
        """The inverse of ``to_mapping``; raises TypeError or KeyError for anything else."""
        curve = tuple(CurvePoint(**point) for point in mapping["curve"])
        return cls(**{**mapping, "curve": curve, "ladder": tuple(mapping["ladder"])})
