"""The names of the arms, known without importing a simulator (bad input is refused at once)."""

from __future__ import annotations

from potstill.envs.check_name import check_name

#: Meta-World's own arm first, then ours; 7 joints: sawyer, panda, iiwa, xarm7, gen3; 6: the rest.
ROBOT_NAMES: tuple[str, ...] = (
    "sawyer",
    "panda",
    "iiwa",
    "xarm7",
    "gen3",
    "ur5e",
    "ur10e",
    "z1",
    "viperx",
)


def check_robot_name(robot: str) -> None:
    """Raise ``ValueError`` with the nearest names for an arm that does not exist."""
    check_name(robot, ROBOT_NAMES, kind="robot", known_as=f"there are {', '.join(ROBOT_NAMES)}")
