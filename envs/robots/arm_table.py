"""The facts of one arm: where its joints are, how far they turn, what its links weigh, how it is mounted."""

from __future__ import annotations

import math
from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class ArmJoint:
    """One hinge and the link that it moves, in the zero pose.

    In the zero pose all link frames are parallel to the base frame, so that positions and directions of all
    joints can be written in that one frame (right-handed, z up).
    """

    at: Vector
    """A point on the axis, m; the link begins here."""
    axis: Vector
    """Unit vector: positive angles turn about it."""
    limits: tuple[float, float]
    """Least and greatest angle, rad."""
    ready: float
    """Angle in the ready pose, rad; every episode begins here."""
    mass: float
    """Of the link, kg."""
    via: tuple[Vector, ...] = ()
    """Points, m, through which the link runs from this joint to the next."""

    def __post_init__(self) -> None:
        if not math.isclose(math.hypot(*self.axis), 1.0, abs_tol=1e-9):
            raise ValueError(f"axis must be a unit vector: got {self.axis}")
        if not self.limits[0] <= self.ready <= self.limits[1]:
            raise ValueError(f"ready must be within limits {self.limits}: got {self.ready}")
        if self.mass <= 0.0:
            raise ValueError(f"mass must be positive: got {self.mass}")


@dataclass(frozen=True, kw_only=True)
class ArmTable:
    """A whole arm. Meta-World's workspace lies before it along +y; the table's top is z = 0."""

    name: str
    joints: tuple[ArmJoint, ...]
    """6 or 7, from the base to the flange."""
    flange_at: Vector
    """Centre of the flange in the zero pose, m."""
    flange_axis: Vector
    """Unit vector out of the flange in the zero pose; the hand hangs along it."""
    mount: Vector
    """Where the base stands in the world, m."""
    yaw: float
    """Turn of the base about the world's z, rad."""
    damping: float
    """Viscous friction of every joint, N m s/rad."""
    armature: float
    """Inertia of every motor behind its gears, kg m^2."""
    radius: float
    """Of the links, m: for their looks and their inertia."""
    colour: Vector
    """Of the links, 0..1 each."""

    def __post_init__(self) -> None:
        if len(self.joints) not in (6, 7):
            raise ValueError(f"joints must be 6 or 7: got {len(self.joints)}")
        if not math.isclose(math.hypot(*self.flange_axis), 1.0, abs_tol=1e-9):
            raise ValueError(f"flange_axis must be a unit vector: got {self.flange_axis}")
        if min(self.damping, self.armature) <= 0.0:
            raise ValueError(f"damping and armature must be positive: got {self.damping} and {self.armature}")
        if not 0.01 <= self.radius <= 0.2:
            raise ValueError(f"radius must be in 0.01..0.2: got {self.radius}")

    def link_path(self, index: int) -> tuple[Vector, ...]:
        """The points through which link ``index`` runs in the zero pose, m, the next joint's included."""
        joint = self.joints[index]
        last = index + 1 == len(self.joints)
        return (joint.at, *joint.via, self.flange_at if last else self.joints[index + 1].at)
