"""An arm as MJCF: from its table to the body that stands on the mount, with the flange at its end."""

from __future__ import annotations

import itertools
import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from potstill.envs.robots.arm_table import ArmTable, Vector
from potstill.envs.robots.link_inertia import link_inertia

_DARK = "0.25 0.25 0.27 1"
#: Height of the floor, and where along y Meta-World's table begins, m; its top is z = 0.
_FLOOR, _TABLE = -0.913, 0.2


def arm_element(table: ArmTable) -> tuple[ET.Element, ET.Element]:
    """The arm's body and, inside of it, the body of the flange (z out of the flange), to hang the hand on.

    The model's own rest pose (``qpos0``) is the ready pose: ``mj_resetData`` goes there. Angles are counted
    from the zero pose all the same.
    """
    base = ET.Element(
        "body", name="arm_base", pos=_text(table.mount), quat=_text(_turn((0, 0, 1), table.yaw))
    )
    _add_pedestal(base, table)
    _add_looks(base, [(0.0, 0.0, 0.0), table.joints[0].at], table)
    parent, origin = base, np.zeros(3)
    for index, joint in enumerate(table.joints):
        parent = _add_link(parent, origin, table, index)
        origin = np.asarray(joint.at)
    flange = ET.SubElement(
        parent,
        "body",
        name="flange",
        pos=_text(np.subtract(table.flange_at, origin)),
        quat=_text(_from_z_to(table.flange_axis)),
    )
    return base, flange


def _add_link(parent: ET.Element, origin: np.ndarray, table: ArmTable, index: int) -> ET.Element:
    joint = table.joints[index]
    link = ET.SubElement(
        parent,
        "body",
        name=f"arm_link_{index}",
        pos=_text(np.subtract(joint.at, origin)),
        quat=_text(_turn(joint.axis, joint.ready)),
    )
    path = [np.subtract(point, joint.at) for point in table.link_path(index)]
    centre, inertia = link_inertia(path, radius=table.radius, mass=joint.mass)
    six = (*np.diag(inertia), inertia[0, 1], inertia[0, 2], inertia[1, 2])
    ET.SubElement(link, "inertial", pos=_text(centre), mass=str(joint.mass), fullinertia=_text(six))
    ET.SubElement(
        link,
        "joint",
        name=f"arm_joint_{index}",
        axis=_text(joint.axis),
        limited="true",
        range=_text(joint.limits),
        ref=str(joint.ready),
        damping=str(table.damping),
        armature=str(table.armature),
    )
    _add_looks(link, path, table)
    _add_housing(link, joint.axis, table)
    return link


def _add_looks(body: ET.Element, path: Sequence[ArrayLike], table: ArmTable) -> None:
    """One capsule from point to point."""
    for start, end in itertools.pairwise(path):
        if np.linalg.norm(np.subtract(end, start)) > 1e-3:
            _add_geom(body, "capsule", start, end, size=0.8 * table.radius, rgba=f"{_text(table.colour)} 1")


def _add_housing(link: ET.Element, axis: Vector, table: ArmTable) -> None:
    """A dark cylinder about the hinge, so that one sees where the arm bends."""
    half = np.multiply(axis, table.radius)
    _add_geom(link, "cylinder", -half, half, size=table.radius, rgba=_DARK)


def _add_pedestal(base: ET.Element, table: ArmTable) -> None:
    """A column up to the mount, from the floor or from the table."""
    ground = _FLOOR if table.mount[1] < _TABLE else 0.0
    foot, top = (0.0, 0.0, ground - table.mount[2]), (0.0, 0.0, 0.01)
    _add_geom(base, "cylinder", foot, top, size=1.5 * table.radius, rgba=_DARK)


def _add_geom(
    body: ET.Element, kind: str, start: ArrayLike, end: ArrayLike, *, size: float, rgba: str
) -> None:
    """What is seen of an arm. It touches nothing, as Sawyer's links: only the hand does."""
    attributes = {"type": kind, "fromto": f"{_text(start)} {_text(end)}", "size": str(size), "rgba": rgba}
    ET.SubElement(body, "geom", {**attributes, "contype": "0", "conaffinity": "0", "group": "1"})


def _turn(axis: Vector, angle: float) -> tuple[float, ...]:
    """Quaternion (w, x, y, z)."""
    sine = math.sin(angle / 2)
    return (math.cos(angle / 2), sine * axis[0], sine * axis[1], sine * axis[2])


def _from_z_to(direction: Vector) -> tuple[float, ...]:
    """Quaternion (w, x, y, z) of the shortest turn that takes z to a unit vector."""
    x, y, z = direction
    if z < -1 + 1e-9:
        return (0.0, 1.0, 0.0, 0.0)
    return tuple(np.array([1 + z, -y, x, 0.0]) / math.sqrt(2 * (1 + z)))


def _text(numbers: ArrayLike) -> str:
    return " ".join(format(float(number), ".12g") for number in np.ravel(np.asarray(numbers, np.float64)))
