"""UFACTORY xArm 7: 7 joints, 0.7 m reach."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmJoint, ArmTable

XARM7 = ArmTable(
    name="xarm7",
    joints=(
        ArmJoint(at=(0, 0, 0.12), axis=(0, 0, 1), limits=(-6.2832, 6.2832), ready=0.0, mass=2.38),
        ArmJoint(at=(0, 0, 0.267), axis=(0, 1, 0), limits=(-2.059, 2.0944), ready=-0.812, mass=1.87),
        # Turns without end; trimmed, because nothing else holds the elbow up.
        ArmJoint(
            at=(0, 0, 0.4), axis=(0, 0, 1), limits=(-0.5, 0.5), ready=0.0, mass=1.64, via=((0, 0, 0.52),)
        ),
        ArmJoint(
            at=(0.0525, 0, 0.56),
            axis=(0, -1, 0),
            limits=(-0.192, 3.927),
            ready=0.565,
            mass=1.73,
            via=((0.13, 0, 0.5),),
        ),
        ArmJoint(at=(0.13, 0, 0.4), axis=(0, 0, -1), limits=(-6.2832, 6.2832), ready=0.0, mass=1.32),
        ArmJoint(at=(0.13, 0, 0.2175), axis=(0, 1, 0), limits=(-1.693, 3.1416), ready=1.377, mass=1.33),
        ArmJoint(at=(0.206, 0, 0.19), axis=(0, 0, -1), limits=(-6.2832, 6.2832), ready=-1.571, mass=0.17),
    ),
    flange_at=(0.206, 0, 0.1205),
    flange_axis=(0, 0, -1),
    mount=(0.0, 0.25, 0.1),
    yaw=1.5708,
    damping=8.0,
    armature=0.08,
    radius=0.045,
    colour=(0.85, 0.87, 0.9),
)
