"""Universal Robots UR5e: 6 joints, 0.85 m reach."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmJoint, ArmTable

UR5E = ArmTable(
    name="ur5e",
    joints=(
        ArmJoint(at=(0, 0, 0.065), axis=(0, 0, 1), limits=(-6.2832, 6.2832), ready=-0.34, mass=3.76),
        ArmJoint(
            at=(0, -0.06, 0.1625),
            axis=(0, -1, 0),
            limits=(-6.2832, 6.2832),
            ready=-1.835,
            mass=8.06,
            via=(
                (0, -0.12, 0.1625),
                (-0.425, -0.12, 0.1625),
            ),
        ),
        ArmJoint(
            at=(-0.425, -0.05, 0.1625),
            axis=(0, -1, 0),
            limits=(-3.1416, 3.1416),
            ready=1.971,
            mass=2.85,
            via=(
                (-0.425, -0.02, 0.1625),
                (-0.8171999999999999, -0.02, 0.1625),
            ),
        ),
        ArmJoint(
            at=(-0.8172, -0.05, 0.1625), axis=(0, -1, 0), limits=(-6.2832, 6.2832), ready=-1.707, mass=1.37
        ),
        ArmJoint(
            at=(-0.8172, -0.1333, 0.1625), axis=(0, 0, -1), limits=(-6.2832, 6.2832), ready=-1.571, mass=1.3
        ),
        ArmJoint(
            at=(-0.8172, -0.1333, 0.0628), axis=(0, -1, 0), limits=(-6.2832, 6.2832), ready=2.802, mass=0.37
        ),
    ),
    flange_at=(-0.8172, -0.2329, 0.0628),
    flange_axis=(0, -1, 0),
    mount=(0.0, 0.1, 0.1),
    yaw=-1.5708,
    damping=12.0,
    armature=0.12,
    radius=0.048,
    colour=(0.75, 0.77, 0.8),
)
