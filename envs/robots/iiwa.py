"""KUKA LBR iiwa 14 R820: 7 joints, 0.82 m reach."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmJoint, ArmTable

IIWA = ArmTable(
    name="iiwa",
    joints=(
        ArmJoint(at=(0, 0, 0.15), axis=(0, 0, 1), limits=(-2.967, 2.967), ready=0.0, mass=5.76),
        ArmJoint(at=(0, 0, 0.36), axis=(0, 1, 0), limits=(-2.094, 2.094), ready=-0.116, mass=6.35),
        # Turns by 2.97 rad either way; trimmed, because nothing else holds the elbow up.
        ArmJoint(at=(0, 0, 0.54), axis=(0, 0, 1), limits=(-0.5, 0.5), ready=0.0, mass=3.5),
        ArmJoint(at=(0, 0, 0.78), axis=(0, -1, 0), limits=(-2.094, 2.094), ready=-1.766, mass=3.5),
        ArmJoint(at=(0, 0, 0.96), axis=(0, 0, 1), limits=(-2.967, 2.967), ready=0.0, mass=3.5),
        ArmJoint(at=(0, 0, 1.18), axis=(0, 1, 0), limits=(-2.094, 2.094), ready=1.493, mass=1.8),
        ArmJoint(at=(0, 0, 1.24), axis=(0, 0, 1), limits=(-3.054, 3.054), ready=1.571, mass=1.2),
    ),
    flange_at=(0.0, 0.0, 1.306),
    flange_axis=(0, 0, 1),
    mount=(0.0, 0.15, -0.1),
    yaw=1.5708,
    damping=12.0,
    armature=0.15,
    radius=0.065,
    colour=(0.95, 0.5, 0.15),
)
