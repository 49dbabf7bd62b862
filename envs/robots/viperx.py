"""Trossen ViperX 300 6DOF: 6 joints, 0.75 m reach."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmJoint, ArmTable

VIPERX = ArmTable(
    name="viperx",
    joints=(
        ArmJoint(at=(0, 0, 0.05), axis=(0, 0, 1), limits=(-3.1416, 3.1416), ready=0.0, mass=0.97),
        ArmJoint(
            at=(0, 0, 0.127),
            axis=(0, 1, 0),
            limits=(-1.85, 1.26),
            ready=-0.528,
            mass=0.8,
            via=((0.0, 0.0, 0.427),),
        ),
        ArmJoint(at=(0.0596, 0, 0.427), axis=(0, 1, 0), limits=(-1.76, 1.605), ready=0.473, mass=0.79),
        ArmJoint(at=(0.16, 0, 0.427), axis=(1, 0, 0), limits=(-3.1416, 3.1416), ready=0.0, mass=0.32),
        ArmJoint(at=(0.3596, 0, 0.427), axis=(0, 1, 0), limits=(-1.87, 2.23), ready=1.625, mass=0.3),
        ArmJoint(at=(0.4, 0, 0.427), axis=(1, 0, 0), limits=(-3.1416, 3.1416), ready=1.571, mass=0.2),
    ),
    flange_at=(0.4721, 0.0, 0.427),
    flange_axis=(1, 0, 0),
    mount=(0.0, 0.3, 0.2),
    yaw=1.5708,
    damping=4.0,
    armature=0.02,
    radius=0.035,
    colour=(0.22, 0.22, 0.24),
)
