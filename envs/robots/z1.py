"""Unitree Z1: 6 joints, 0.74 m reach."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmJoint, ArmTable

Z1 = ArmTable(
    name="z1",
    joints=(
        ArmJoint(at=(0, 0, 0.0585), axis=(0, 0, 1), limits=(-2.618, 2.618), ready=0.0, mass=0.67),
        ArmJoint(at=(0, 0, 0.1035), axis=(0, 1, 0), limits=(0.0, 2.967), ready=1.499, mass=1.19),
        ArmJoint(
            at=(-0.35, 0, 0.1035),
            axis=(0, 1, 0),
            limits=(-2.88, 0.0),
            ready=-1.189,
            mass=0.84,
            via=((-0.3, 0, 0.1605),),
        ),
        ArmJoint(at=(-0.132, 0, 0.1605), axis=(0, 1, 0), limits=(-1.518, 1.518), ready=1.26, mass=0.56),
        ArmJoint(at=(-0.062, 0, 0.1605), axis=(0, 0, 1), limits=(-1.344, 1.344), ready=0.0, mass=0.39),
        ArmJoint(at=(-0.0128, 0, 0.1605), axis=(1, 0, 0), limits=(-2.793, 2.793), ready=1.571, mass=0.3),
    ),
    flange_at=(0.0382, 0.0, 0.1605),
    flange_axis=(1, 0, 0),
    mount=(0.0, 0.3, 0.25),
    yaw=1.5708,
    damping=5.0,
    armature=0.03,
    radius=0.035,
    colour=(0.3, 0.32, 0.36),
)
