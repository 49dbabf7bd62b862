"""How an arm and its channel differ from nominal: the variants on which experts and students are tried."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DynamicsConfig:
    """Scales multiply the arm's own values (never the objects'); noise and delay act on the channel."""

    mass_scale: float = 1.0
    """Of the arm's link masses and inertias, 0.1..10."""
    damping_scale: float = 1.0
    """Of the arm's joint damping, 0.1..10."""
    armature_scale: float = 1.0
    """Of the arm's joint armature, 0.1..10."""
    observation_noise: float = 0.0
    """Standard deviation added to every entry of the observation, 0..1 (metres)."""
    action_noise: float = 0.0
    """Standard deviation added to every action before it is clipped, 0..1."""
    action_delay: int = 0
    """Steps between an action and its execution, 0..20; zeros are executed until then."""

    def __post_init__(self) -> None:
        for name in ("mass_scale", "damping_scale", "armature_scale"):
            if not 0.1 <= getattr(self, name) <= 10.0:
                raise ValueError(f"{name} must be in 0.1..10: got {getattr(self, name)}")
        for name in ("observation_noise", "action_noise"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in 0..1: got {getattr(self, name)}")
        if not 0 <= self.action_delay <= 20:
            raise ValueError(f"action_delay must be in 0..20: got {self.action_delay}")
