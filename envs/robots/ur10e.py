"""Universal Robots UR10e: 6 joints, 1.3 m reach."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmJoint, ArmTable

UR10E = ArmTable(
    name="ur10e",
    joints=(
        ArmJoint(at=(0, 0, 0.0723), axis=(0, 0, 1), limits=(-6.2832, 6.2832), ready=-0.294, mass=7.37),
        ArmJoint(
            at=(0, -0.06, 0.1807),
            axis=(0, -1, 0),
            limits=(-6.2832, 6.2832),
            ready=-1.731,
            mass=13.05,
            via=(
                (0, -0.1567, 0.1807),
                (-0.6127, -0.1567, 0.1807),
            ),
        ),
        ArmJoint(
            at=(-0.6127, -0.05, 0.1807),
            axis=(0, -1, 0),
            limits=(-3.1416, 3.1416),
            ready=1.994,
            mass=3.99,
            via=(
                (-0.6127, -0.02, 0.1807),
                (-1.18425, -0.02, 0.1807),
            ),
        ),
        ArmJoint(
            at=(-1.18425, -0.05, 0.1807), axis=(0, -1, 0), limits=(-6.2832, 6.2832), ready=-1.835, mass=2.1
        ),
        ArmJoint(
            at=(-1.18425, -0.17415, 0.1807),
            axis=(0, 0, -1),
            limits=(-6.2832, 6.2832),
            ready=-1.571,
            mass=1.98,
        ),
        ArmJoint(
            at=(-1.18425, -0.17415, 0.06085),
            axis=(0, -1, 0),
            limits=(-6.2832, 6.2832),
            ready=2.847,
            mass=0.62,
        ),
    ),
    flange_at=(-1.18425, -0.2907, 0.06085),
    flange_axis=(0, -1, 0),
    mount=(0.0, -0.1, 0.0),
    yaw=-1.5708,
    damping=20.0,
    armature=0.3,
    radius=0.06,
    colour=(0.6, 0.68, 0.78),
)
