"""A model that moves alike and forgets what only a renderer needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mujoco
import numpy as np

from potstill.envs.fast_metaworld.hull_mesh import HullMesh

#: Stands for every mesh that nothing touches.
_TETRAHEDRON = ((0.0, 0.0, 0.0), (0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.1))
_FACES = ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))
#: Arrays that belong to what is left out, or count it.
_OWN = (
    "mesh_", "bvh_", "cam_", "light_", "tex_", "mat_", "names", "name_", "paths", "body_geom", "body_bvh",
    "geom_matid", "site_matid", "pair_geom", "sensor_", "wrap_", "tuple_",
)  # fmt: skip
_STATISTICS = ("meaninertia", "meanmass", "meansize", "extent", "center")


def light_model(model: mujoco.MjModel, spec: mujoco.MjSpec) -> mujoco.MjModel:
    """``model`` without cameras, lights, textures and all that nothing can touch and no name leads to.

    MuJoCo places every geom and clears two bytes per triangle at every step. Of Sawyer's 37 geoms 13 stay, of its
    67,000 triangles only stand-ins, of its 30 MB 0.3. Every number that decides motion is copied from ``model``,
    bit for bit.

    Args:
        model: As compiled from ``spec``, and edited since.
        spec: Is changed: compile it once more only for a light model.

    Raises:
        ValueError: ``model`` is not of this ``spec``.
    """
    names = [model.geom(index).name for index in range(model.ngeom)]
    if [geom.name for geom in spec.geoms] != names:
        raise ValueError("model must be compiled from spec: got other geoms")
    _leave_inertia_to(model, spec)
    kept, hulls = _lighten(model, spec)
    light = spec.compile()
    if _moving_parts(light) != _moving_parts(model):
        raise ValueError("model must be compiled from spec: got other bodies, joints or sites")
    for name in _arrays(model):
        if not name.startswith(_OWN):
            values = getattr(model, name)
            getattr(light, name)[:] = values[kept] if name.startswith("geom_") else values
    for hull in hulls:
        hull.restore(light)
    for name in _STATISTICS:
        setattr(light.stat, name, getattr(model.stat, name))
    return light


def _leave_inertia_to(model: mujoco.MjModel, spec: mujoco.MjSpec) -> None:
    """Nothing is to be found out from geoms; masses come from ``model`` in the end."""
    spec.compiler.inertiafromgeom = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_FALSE
    for index, body in enumerate(_with_descendants(spec.worldbody)):
        body.explicitinertial, body.fullinertia = True, np.full(6, np.nan)
        body.mass, body.inertia = 1.0, (1.0, 1.0, 1.0)
        # The boxes around its geoms are laid in the frame of its inertia.
        body.ipos, body.iquat = model.body_ipos[index], model.body_iquat[index]


def _with_descendants(body: Any) -> Iterator[Any]:
    """Bodies in the order in which MuJoCo compiles them."""
    yield body
    for child in body.bodies:
        yield from _with_descendants(child)


def _lighten(model: mujoco.MjModel, spec: mujoco.MjSpec) -> tuple[np.ndarray, list[HullMesh]]:
    """Which geoms stay, (ngeom,) bool, and the meshes of which only the hull does."""
    kinds = {(geom.contype, geom.conaffinity) for geom in spec.geoms}
    tangible = [_touches(geom, kinds) for geom in spec.geoms]
    touched = {geom.meshname for geom, touches in zip(spec.geoms, tangible, strict=True) if touches}
    kept = np.array([bool(geom.name) or touches for geom, touches in zip(spec.geoms, tangible, strict=True)])
    for geom, stays in zip(list(spec.geoms), kept, strict=True):
        geom.material = ""
        if not stays:
            geom.delete()
    for site in spec.sites:
        site.material = ""
    for element in [*spec.cameras, *spec.lights, *spec.materials, *spec.textures]:
        element.delete()
    hulls = []
    for mesh in spec.meshes:
        if mesh.name in touched:
            hulls.append(HullMesh(model, mesh))
        else:
            mesh.file, mesh.uservert, mesh.userface = "", np.ravel(_TETRAHEDRON), np.ravel(_FACES)
    return kept, hulls


def _touches(geom: Any, kinds: set[tuple[int, int]]) -> bool:
    """Whether MuJoCo lets the geom collide with any of these kinds of geoms (contype, conaffinity)."""
    return any(geom.contype & affinity or contype & geom.conaffinity for contype, affinity in kinds)


def _moving_parts(model: mujoco.MjModel) -> list[str]:
    bodies = [model.body(index).name for index in range(model.nbody)]
    joints = [model.joint(index).name for index in range(model.njnt)]
    return [*bodies, *joints, *(model.site(index).name for index in range(model.nsite))]


def _arrays(model: Any) -> Iterator[str]:
    for name in dir(model):
        if not name.startswith("_") and isinstance(getattr(model, name), np.ndarray):
            yield name
