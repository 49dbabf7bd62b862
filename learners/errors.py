"""Errors of training."""

from __future__ import annotations


class TrainingDivergedError(Exception):
    """The loss became NaN, infinite or huge; the last good training state and checkpoint are untouched."""

    def __init__(self, *, step: int, value: float, limit: float) -> None:
        """``step`` is the first bad one (0-based), ``value`` its loss, ``limit`` the largest allowed."""
        super().__init__(
            f"training diverged at step {step}: loss {value:g} (limit {limit:g}); the last good checkpoint "
            "is kept. Lower learner.learning_rate or look at the newest round's episodes"
        )
        self.step, self.value, self.limit = step, value, limit

    def __reduce__(self) -> tuple:
        return _rebuild, (self.step, self.value, self.limit)


def _rebuild(step: int, value: float, limit: float) -> TrainingDivergedError:
    return TrainingDivergedError(step=step, value=value, limit=limit)
