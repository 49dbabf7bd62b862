from __future__ import annotations

import pytest

from potstill.envs.robots.arm_tables import ARM_TABLES
from potstill.envs.robots.robot_names import ROBOT_NAMES, check_robot_name


def test_every_name_has_a_table_and_every_table_a_name():
    assert set(ROBOT_NAMES) == {"sawyer", *ARM_TABLES}
    assert len(ROBOT_NAMES) == len(set(ROBOT_NAMES)) == 9


def test_there_are_arms_of_6_and_of_7_joints():
    joints = {name: len(table.joints) for name, table in ARM_TABLES.items()}
    assert {name for name, count in joints.items() if count == 6} == {"ur5e", "ur10e", "z1", "viperx"}
    assert {name for name, count in joints.items() if count == 7} == {"panda", "iiwa", "xarm7", "gen3"}


def test_an_unknown_robot_is_refused_with_the_nearest_name():
    for name in ROBOT_NAMES:
        check_robot_name(name)
    with pytest.raises(ValueError, match=r"unknown robot 'pandas'.*did you mean panda"):
        check_robot_name("pandas")
    with pytest.raises(ValueError, match="there are sawyer, panda"):
        check_robot_name("")
