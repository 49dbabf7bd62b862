"""The arms by name."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmTable
from potstill.envs.robots.gen3 import GEN3
from potstill.envs.robots.iiwa import IIWA
from potstill.envs.robots.panda import PANDA
from potstill.envs.robots.ur5e import UR5E
from potstill.envs.robots.ur10e import UR10E
from potstill.envs.robots.viperx import VIPERX
from potstill.envs.robots.xarm7 import XARM7
from potstill.envs.robots.z1 import Z1

#: Every arm of ours; Sawyer is Meta-World's.
ARM_TABLES: dict[str, ArmTable] = {
    table.name: table for table in (PANDA, IIWA, XARM7, GEN3, UR5E, UR10E, Z1, VIPERX)
}
