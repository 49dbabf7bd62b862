"""The payload of a collective rollout or evaluation task: one episode without pictures, of any task and robot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from potstill.actors.teacher_source import TeacherSource
from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import MAX_STEPS

Purpose = Literal["rollout", "evaluation"]
Actor = Literal["expert", "random", "student"]


@dataclass(frozen=True, kw_only=True)
class TrajectoryJob:
    """One episode to act, label and (unless it is an evaluation) commit to the store."""

    purpose: Purpose
    """An evaluation is not stored, and labelled only where the expert's action is needed to act."""
    run: str
    round: int
    index: int
    """0..N-1 within the round."""
    task: str
    robot: str = "sawyer"
    """The arm."""
    seed: int
    """Environment seed, >= 0; every other draw of the episode follows from it."""
    actor: Actor
    """expert: with ``sigma``. random: uniform in [-1, 1] at every step. student: with ``beta``."""
    sigma: float = 0.0
    """Noise of the acting expert (NoisyTeacher), 0..2; 0 = none."""
    checkpoint: str = ""
    """Folder of the acting student's policy; empty when no student acts."""
    checkpoint_sha256: str = ""
    """Expected hash of the student's weights."""
    beta: float = 0.0
    """Probability per step that the expert's action is executed instead of the student's, 0..1."""
    max_steps: int
    """1..500."""
    hold_steps: int = 0
    """Steps acted after the first success, >= 0, where success ends the episode."""
    stop_at_success: bool = True
    """False: the episode always takes ``max_steps``, so that success at its last step can be told."""
    store: str = ""
    """URL of the episode store; an evaluation needs none."""
    expert: TeacherSource = field(default_factory=TeacherSource)
    """Whose actions are the labels, and who acts as ``expert``."""
    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    """How arm and channel differ from nominal."""

    def __post_init__(self) -> None:
        for name, allowed in (("purpose", get_args(Purpose)), ("actor", get_args(Actor))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}: got {getattr(self, name)!r}")
        for name, low, high in (("sigma", 0.0, 2.0), ("beta", 0.0, 1.0), ("max_steps", 1, MAX_STEPS)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
        for name in ("seed", "hold_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0: got {getattr(self, name)}")
        if {bool(self.checkpoint), bool(self.checkpoint_sha256)} != {self.actor == "student"}:
            raise ValueError(
                f"checkpoint and checkpoint_sha256 must be given for a student and for nobody else: "
                f"got {self.checkpoint!r} and {self.checkpoint_sha256!r} for {self.actor!r}"
            )
        if self.purpose == "rollout" and not self.store:
            raise ValueError("store must be given for a rollout: got ''")

    def to_payload(self) -> dict[str, Any]:
        """A nested dict for the queue."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> TrajectoryJob:
        """The inverse of ``to_payload``. Raises KeyError, TypeError or ValueError for anything else."""
        expert, dynamics = TeacherSource(**payload["expert"]), DynamicsConfig(**payload["dynamics"])
        return cls(**{**payload, "expert": expert, "dynamics": dynamics})

    @property
    def expert_needed(self) -> bool:
        """Whether the expert is asked at every step: for a label, or because it may act."""
        return self.purpose == "rollout" or self.actor == "expert" or self.beta > 0
