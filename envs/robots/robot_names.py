"""The names of the arms, known without importing a simulator (bad input is refused at once)."""

from __future__ import annotations

import difflib

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
    if robot in ROBOT_NAMES:
        return
    near = difflib.get_close_matches(robot, ROBOT_NAMES, n=3, cutoff=0.3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise ValueError(f"unknown robot {robot!r}: there are {', '.join(ROBOT_NAMES)}{hint}")
