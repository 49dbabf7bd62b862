"""The world in which a teacher is judged, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.robots.robot_names import check_robot_name
from potstill.envs.task_names import check_task_name


@dataclass(frozen=True, kw_only=True)
class JudgementConfig:
    """A world and how many episodes in it."""

    task: str
    """A Meta-World v3 task."""
    robot: str
    """The arm."""
    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    """How it differs from nominal."""
    episodes: int = 50
    """1..10000."""
    max_steps: int = 200
    """Environment steps per episode, 1..500."""

    def __post_init__(self) -> None:
        check_task_name(self.task)
        check_robot_name(self.robot)
        for name, top in (("episodes", 10_000), ("max_steps", 500)):
            if not 1 <= getattr(self, name) <= top:
                raise ValueError(f"{name} must be in 1..{top}: got {getattr(self, name)}")
