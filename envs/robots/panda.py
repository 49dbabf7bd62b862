"""Franka Emika Panda: 7 joints, 0.855 m reach."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmJoint, ArmTable

PANDA = ArmTable(
    name="panda",
    joints=(
        ArmJoint(at=(0, 0, 0.14), axis=(0, 0, 1), limits=(-2.8973, 2.8973), ready=0.0, mass=4.97),
        ArmJoint(at=(0, 0, 0.333), axis=(0, 1, 0), limits=(-1.7628, 1.7628), ready=-0.568, mass=0.65),
        # Turns by 2.9 rad either way; trimmed, because nothing else holds the elbow up.
        ArmJoint(
            at=(0, 0, 0.45), axis=(0, 0, 1), limits=(-0.5, 0.5), ready=0.0, mass=3.23, via=((0, 0, 0.6),)
        ),
        ArmJoint(
            at=(0.0825, 0, 0.649),
            axis=(0, -1, 0),
            limits=(-3.0718, -0.0698),
            ready=-2.393,
            mass=3.59,
            via=((0, 0, 0.72),),
        ),
        ArmJoint(at=(0, 0, 0.82), axis=(0, 0, 1), limits=(-2.8973, 2.8973), ready=0.0, mass=1.23),
        ArmJoint(at=(0, 0, 1.033), axis=(0, -1, 0), limits=(-0.0175, 3.7525), ready=1.826, mass=1.67),
        ArmJoint(at=(0.088, 0, 1.01), axis=(0, 0, -1), limits=(-2.8973, 2.8973), ready=-1.571, mass=0.74),
    ),
    flange_at=(0.088, 0, 0.926),
    flange_axis=(0, 0, -1),
    mount=(0.0, 0.12, 0.0),
    yaw=1.5708,
    damping=10.0,
    armature=0.1,
    radius=0.055,
    colour=(0.92, 0.92, 0.9),
)
