"""What is true of an expert, kept inside its file: names of files and folders mean nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

_METAWORLD_DESCRIPTION = (
    "39 float: hand xyz m, gripper opening 0..1, object 1 xyz m and quaternion, object 2 xyz m and quaternion "
    "(zeros where there is none), the same 18 of the previous step, goal xyz m"
)
#: Meta-World's observation with a visible goal; another layout is another hash.
METAWORLD_LAYOUT = f"metaworld-39.{hashlib.sha256(_METAWORLD_DESCRIPTION.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, kw_only=True)
class ExpertFacts:
    """Where an expert comes from and what it is for."""

    task: str
    """A Meta-World v3 task."""
    robot: str
    """The arm."""
    model_hash: str
    """Of the simulated model it was trained on (task, arm and dynamics together)."""
    seed: int
    """Of its training."""
    env_steps: int
    """Environment steps it has seen, >= 0."""
    decisions: int
    """Actions it has chosen in training, >= 0."""
    success_rate: float
    """On evaluation seeds, [0, 1]; 0 when it was never evaluated."""
    eval_episodes: int
    """Behind ``success_rate``; 0 = never evaluated."""
    kind: Literal["final", "ladder"]
    """ladder: an intermediate checkpoint."""
    trained_with: str
    """Digest of the training's configuration, or what it was converted from."""
    hidden: tuple[int, ...]
    """Widths of the actor's hidden layers."""
    observation_layout: str = METAWORLD_LAYOUT
    """Name and hash of what each entry of the observation means."""
    action_size: int = 4
    """A."""
    action_repeat: int = 1
    """Environment steps per decision in training."""
    discount: float = 0.99
    """Per decision."""
    reward_scale: float = 1.0
    """Rewards were multiplied by this: the unit of the critics' values."""

    def __post_init__(self) -> None:
        if self.kind not in ("final", "ladder"):
            raise ValueError(f"kind must be final or ladder: got {self.kind!r}")
        if not 0.0 <= self.success_rate <= 1.0:
            raise ValueError(f"success_rate must be in [0, 1]: got {self.success_rate}")
        for name in ("env_steps", "decisions", "eval_episodes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0: got {getattr(self, name)}")

    def check_world(self, *, task: str, robot: str, model_hash: str) -> None:
        """Whether this expert may act in that world.

        Raises:
            ValueError: another task, robot, model or observation layout; names both.
        """
        if self.observation_layout != METAWORLD_LAYOUT:
            raise ValueError(
                f"reads observations of layout {self.observation_layout}, here they are {METAWORLD_LAYOUT}"
            )
        if (self.task, self.robot, self.model_hash) != (task, robot, model_hash):
            raise ValueError(
                f"is an expert of {self.task} with {self.robot} (model {self.model_hash[:12]}), "
                f"wanted {task} with {robot} (model {model_hash[:12]})"
            )

    def to_mapping(self) -> dict[str, Any]:
        """JSON values; ``from_mapping`` is the inverse."""
        return asdict(self)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> ExpertFacts:
        """Raises TypeError, KeyError or ValueError for anything else."""
        return cls(**{**mapping, "hidden": tuple(mapping["hidden"])})
