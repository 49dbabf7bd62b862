"""Kinova Gen3: 7 joints, 0.9 m reach."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmJoint, ArmTable

GEN3 = ArmTable(
    name="gen3",
    joints=(
        ArmJoint(at=(0, 0, 0.12), axis=(0, 0, 1), limits=(-6.2832, 6.2832), ready=0.044, mass=1.38),
        ArmJoint(at=(0, 0, 0.2848), axis=(0, 1, 0), limits=(-2.24, 2.24), ready=0.135, mass=1.16),
        # Turns without end; trimmed, because nothing else holds the elbow up.
        ArmJoint(at=(0, -0.0118, 0.45), axis=(0, 0, 1), limits=(-0.5, 0.5), ready=0.03, mass=1.16),
        ArmJoint(at=(0, -0.0118, 0.7056), axis=(0, 1, 0), limits=(-2.57, 2.57), ready=1.808, mass=0.93),
        ArmJoint(at=(0, -0.0246, 0.85), axis=(0, 0, 1), limits=(-6.2832, 6.2832), ready=-0.004, mass=0.68),
        ArmJoint(at=(0, -0.0246, 1.0199), axis=(0, 1, 0), limits=(-2.09, 2.09), ready=1.198, mass=0.68),
        ArmJoint(at=(0, -0.0246, 1.1), axis=(0, 0, 1), limits=(-6.2832, 6.2832), ready=1.646, mass=0.5),
    ),
    flange_at=(0.0, -0.0246, 1.1873),
    flange_axis=(0, 0, 1),
    mount=(0.0, 0.15, 0.1),
    yaw=1.5708,
    damping=8.0,
    armature=0.05,
    radius=0.042,
    colour=(0.8, 0.82, 0.85),
)
