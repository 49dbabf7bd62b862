"""The tables against what the makers publish, and against the workspace."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from potstill.envs.robots.arm_tables import ARM_TABLES

QUARTER = np.pi / 2
#: (a, d, alpha) of every joint and the way to the flange, as the makers' manuals list them.
MODIFIED = {  # each row: turn about x and shift along x, then turn about z and shift along z
    "panda": (
        [(0, 0.333, 0), (0, 0, -QUARTER), (0, 0.316, QUARTER), (0.0825, 0, QUARTER)]
        + [(-0.0825, 0.384, -QUARTER), (0, 0, QUARTER), (0.088, 0, QUARTER)],
        0.107,
    ),
    "xarm7": (
        [(0, 0.267, 0), (0, 0, -QUARTER), (0, 0.293, QUARTER), (0.0525, 0, QUARTER)]
        + [(0.0775, 0.3425, QUARTER), (0, 0, QUARTER), (0.076, 0.097, -QUARTER)],
        0.0,
    ),
}
STANDARD = {  # each row: turn about z and shift along z, then shift along x and turn about x
    "iiwa": [(0, 0.36, -QUARTER), (0, 0, QUARTER), (0, 0.42, QUARTER), (0, 0, -QUARTER)]
    + [(0, 0.4, -QUARTER), (0, 0, QUARTER), (0, 0.126, 0)],
    "ur5e": [(0, 0.1625, QUARTER), (-0.425, 0, 0), (-0.3922, 0, 0), (0, 0.1333, QUARTER)]
    + [(0, 0.0997, -QUARTER), (0, 0.0996, 0)],
    "ur10e": [(0, 0.1807, QUARTER), (-0.6127, 0, 0), (-0.57155, 0, 0), (0, 0.17415, QUARTER)]
    + [(0, 0.11985, -QUARTER), (0, 0.11655, 0)],
}


def _about(axis, angle):
    turn = np.eye(4)
    quaternion, matrix = np.empty(4), np.empty(9)
    mujoco.mju_axisAngle2Quat(quaternion, np.eye(3)[axis], angle)
    mujoco.mju_quat2Mat(matrix, quaternion)
    turn[:3, :3] = matrix.reshape(3, 3)
    return turn


def _along(axis, distance):
    shift = np.eye(4)
    shift[axis, 3] = distance
    return shift


def _published_flange(robot, angles):
    pose = np.eye(4)
    if robot in MODIFIED:
        rows, flange = MODIFIED[robot]
        for (a, d, alpha), angle in zip(rows, angles):
            pose = pose @ _about(0, alpha) @ _along(0, a) @ _about(2, angle) @ _along(2, d)
        return pose @ _along(2, flange)
    for (a, d, alpha), angle in zip(STANDARD[robot], angles):
        pose = pose @ _about(2, angle) @ _along(2, d) @ _along(0, a) @ _about(0, alpha)
    return pose


def _pose(data, body):
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = data.body(body).xmat.reshape(3, 3), data.body(body).xpos
    return pose


@pytest.mark.parametrize("robot", [*MODIFIED, *STANDARD])
def test_the_flange_goes_where_the_makers_table_says_at_any_angles(robot, at_rest):
    model, data = at_rest("reach-v3", robot)
    joints = [model.joint(f"arm_joint_{index}") for index in range(len(ARM_TABLES[robot].joints))]
    rng = np.random.default_rng(0)
    for _ in range(20):
        angles = [rng.uniform(*joint.range) for joint in joints]
        data.qpos[[joint.qposadr[0] for joint in joints]] = angles
        mujoco.mj_kinematics(model, data)
        flange = np.linalg.inv(_pose(data, "arm_base")) @ _pose(data, "flange")
        wanted = _published_flange(robot, angles)
        assert flange[:3, 3] == pytest.approx(wanted[:3, 3], abs=2e-4)
        assert flange[:3, 2] == pytest.approx(wanted[:3, 2], abs=2e-4)


@pytest.mark.parametrize("robot", ARM_TABLES)
def test_an_episode_begins_with_the_hand_above_the_table_pointing_down(robot, at_rest):
    _, data = at_rest("reach-v3", robot)
    assert data.body("hand").xpos == pytest.approx([0.0, 0.5, 0.4], abs=0.003)
    # What the weld asks for: fingers down, the claws beside each other along y.
    assert data.body("hand").xmat.reshape(3, 3) == pytest.approx(
        np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]), abs=0.01
    )


@pytest.mark.parametrize("robot", ARM_TABLES)
def test_the_arm_weighs_what_its_table_says(robot, compiled):
    model, table = compiled("reach-v3", robot), ARM_TABLES[robot]
    for index, joint in enumerate(table.joints):
        assert model.body(f"arm_link_{index}").mass[0] == pytest.approx(joint.mass)
        assert model.joint(f"arm_joint_{index}").damping[0] == table.damping
        assert model.joint(f"arm_joint_{index}").armature[0] == table.armature
        assert tuple(model.joint(f"arm_joint_{index}").range) == pytest.approx(joint.limits)
