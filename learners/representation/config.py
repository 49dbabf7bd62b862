"""Settings of the representation's training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from potstill.learners.training_config import TrainingConfig

Negatives = Literal["other_tasks", "all"]
Positives = Literal["window", "task"]
RobotLoss = Literal["contrast", "names"]
_RANGES: dict[str, tuple[float, float]] = {
    "mask_probability": (0.01, 0.9),
    "reconstruction_weight": (0.0, 1e6),
    "contrastive_weight": (0.0, 1e6),
    "temperature": (1e-3, 100.0),
    "dynamics_weight": (0.0, 1e6),
    "robot_weight": (0.0, 1e6),
    "decoupling_weight": (0.0, 1e6),
    "validation_batches": (1, 1000),
}


@dataclass(frozen=True, kw_only=True)
class RepresentationConfig:
    """Reconstruction of what is masked, a contrast between tasks, and optionally dynamics and robots."""

    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(batch_size=128))
    """Steps, rates and reports; a batch of N windows is 2N rows, two maskings of each."""
    mask_probability: float = 0.15
    """Share of time steps that a masking chooses, 0.01..0.9; states, actions and rewards each by themselves."""
    reconstruction_weight: float = 1.0
    """Of the error at masked positions, 0..1e6."""
    contrastive_weight: float = 0.25
    """Of the contrast between codes, 0..1e6."""
    temperature: float = 0.15
    """Cosines are divided by it, 0.001..100."""
    negatives: Negatives = "other_tasks"
    """What a window's code is told apart from. other_tasks: windows of other tasks; all: all others of the batch."""
    positives: Positives = "window"
    """What it should resemble. window: the other masking of itself; task: every window of its task."""
    dynamics_weight: float = 0.0
    """Of the error of next states, in their own units, predicted from state, action and code, 0..1e6; 0 = none.
    PACE has 200."""
    robot_weight: float = 0.0
    """Of a second code that tells robots apart, 0..1e6; 0 = none. PACE has 0.25, off by default."""
    robot_loss: RobotLoss = "contrast"
    """How that code learns. contrast: as the task's code, with windows of other robots for negatives; names: a linear
    map must name the robot (cross-entropy)."""
    decoupling_weight: float = 0.0
    """Of the mean |cosine| between a window's two codes, 0..1e6; above 0 only with ``robot_weight``. PACE has 0.1, off
    by default."""
    validation_batches: int = 8
    """Batches of held-out episodes behind a validation loss, 1..1000."""

    def __post_init__(self) -> None:
        for name, choices in (("negatives", Negatives), ("positives", Positives), ("robot_loss", RobotLoss)):
            allowed = get_args(choices)
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}: got {getattr(self, name)!r}")
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:  # also refuses NaN
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
        if not (self.reconstruction_weight or self.contrastive_weight or self.dynamics_weight):
            raise ValueError(
                "reconstruction_weight, contrastive_weight or dynamics_weight must be positive: got 0 for all"
            )
        if self.decoupling_weight and not self.robot_weight:
            raise ValueError(
                f"decoupling_weight must be 0 without a robot_weight: got {self.decoupling_weight}"
            )
