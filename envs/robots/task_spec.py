"""A task's model with any arm: Meta-World's XML, its Sawyer cut out, our arm put in, the same hand at its end."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import lru_cache
from pathlib import Path
from typing import Any

import mujoco
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from potstill.envs.robots.arm_element import arm_element
from potstill.envs.robots.arm_table import ArmTable
from potstill.envs.robots.arm_tables import ARM_TABLES
from potstill.envs.robots.robot_names import check_robot_name
from potstill.envs.task_names import check_task_name

#: Joints of the arm that Meta-World's tasks count on: they place their objects by literal addresses
#: behind 7 of the arm and 2 of the fingers.
_ARM_JOINTS = 7


def task_spec(task: str, robot: str) -> mujoco.MjSpec:
    """The uncompiled model of a task with an arm; for ``sawyer`` Meta-World's own.

    Raises:
        ValueError: unknown task or robot; names the nearest ones.
    """
    check_task_name(task)
    check_robot_name(robot)
    # `model_name` is a property that needs no instance, and building the environment takes half a second.
    model_name: Any = ALL_V3_ENVIRONMENTS[task].model_name
    path = model_name.fget(None)
    if robot == "sawyer":
        return mujoco.MjSpec.from_file(path)
    return mujoco.MjSpec.from_string(_xml(path, robot))


@lru_cache(maxsize=64)
def _xml(path: str, robot: str) -> str:
    root = ET.parse(path).getroot()
    folder = Path(path).parent
    _expand_includes(root, folder)
    _name_files_absolutely(root, folder)
    _replace_arm(root, ARM_TABLES[robot])
    _drop_unused_meshes(root)
    return ET.tostring(root, encoding="unicode")


def _expand_includes(parent: ET.Element, folder: Path) -> None:
    """Put the contents of every included file in place of its ``include``; paths are relative to the main file."""
    expanded: list[ET.Element] = []
    for child in parent:
        if child.tag == "include":
            included = ET.parse(folder / child.attrib["file"]).getroot()
            _expand_includes(included, folder)
            expanded.extend(included)
        else:
            _expand_includes(child, folder)
            expanded.append(child)
    parent[:] = expanded


def _name_files_absolutely(root: ET.Element, folder: Path) -> None:
    for element in root.iter():
        if "file" in element.attrib:
            element.set("file", str((folder / element.attrib["file"]).resolve()))


def _replace_arm(root: ET.Element, table: ArmTable) -> None:
    """Everything that stands on Sawyer's base goes, except what is fixed to its flange: the hand."""
    base = _body(root, "base")
    hand = list(_body(base, "right_hand"))
    base[:] = [child for child in base if child.tag != "body"]
    for index in range(_ARM_JOINTS - len(table.joints)):
        base.append(_counterpart(index))
    arm, flange = arm_element(table)
    flange.extend(hand)
    base.append(arm)


def _counterpart(index: int) -> ET.Element:
    """A flywheel in the pedestal that nothing touches or drives: it takes the address of a joint that a
    6-joint arm lacks. Its vertical axis goes through its centre of mass, so it stays at exactly 0 and has no
    part in the arm's motion.
    """
    body = ET.Element("body", name=f"spare_{index}")
    ET.SubElement(body, "inertial", pos="0 0 0", mass="1", diaginertia="1 1 1")
    ET.SubElement(body, "joint", name=f"spare_joint_{index}", axis="0 0 1", limited="false")
    return body


def _drop_unused_meshes(root: ET.Element) -> None:
    """Sawyer's; their convex hulls take longer to make than the rest of the model."""
    used = {geom.get("mesh") for geom in root.iter("geom")}
    for asset in root.iter("asset"):
        asset[:] = [child for child in asset if child.tag != "mesh" or _mesh_name(child) in used]


def _mesh_name(mesh: ET.Element) -> str:
    return mesh.get("name") or Path(mesh.attrib["file"]).stem


def _body(root: ET.Element, name: str) -> ET.Element:
    body = root.find(f".//body[@name='{name}']")
    if body is None:
        raise RuntimeError(f"Meta-World's model has no body {name!r}: its arm cannot be replaced")
    return body
