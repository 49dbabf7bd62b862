"""The arms by name."""

from __future__ import annotations

from potstill.envs.robots.arm_table import ArmTable
from potstill.envs.robots.panda import PANDA

#: Every arm of ours; Sawyer is Meta-World's.
ARM_TABLES: dict[str, ArmTable] = {table.name: table for table in (PANDA,)}
