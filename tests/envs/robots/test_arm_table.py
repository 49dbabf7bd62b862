from __future__ import annotations

from dataclasses import replace

import pytest

from potstill.envs.robots.arm_tables import ARM_TABLES

PANDA = ARM_TABLES["panda"]


def test_a_link_runs_from_its_joint_over_its_corners_to_the_next_joint_and_the_last_one_to_the_flange():
    elbow = PANDA.joints[3]
    assert PANDA.link_path(3) == (elbow.at, *elbow.via, PANDA.joints[4].at)
    assert PANDA.link_path(6) == (PANDA.joints[6].at, PANDA.flange_at)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axis": (0.0, 1.0, 1.0)}, "axis must be a unit vector"),
        ({"ready": 9.0}, "ready must be within limits"),
        ({"limits": (1.0, -1.0)}, "ready must be within limits"),
        ({"mass": 0.0}, "mass must be positive"),
    ],
)
def test_a_joint_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PANDA.joints[0], **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": PANDA.joints[:5]}, "joints must be 6 or 7: got 5"),
        ({"flange_axis": (0.0, 0.0, 0.5)}, "flange_axis must be a unit vector"),
        ({"radius": 0.5}, "radius must be in"),
        ({"damping": -1.0}, "damping and armature must be positive"),
        ({"armature": 0.0}, "damping and armature must be positive"),
    ],
)
def test_an_arm_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PANDA, **change)
