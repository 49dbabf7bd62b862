"""A model that moves alike and forgets what only a renderer needs."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

#: Stands for every mesh that nothing touches.
_TETRAHEDRON = ((0.0, 0.0, 0.0), (0.1, 0.0, 0.0), (0.0, 0.1, 0.0), (0.0, 0.0, 0.1))
_FACES = ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))
#: Arrays that describe meshes and their trees of bounding boxes; the sizes of these differ, as they should.
_OF_MESHES = ("mesh_", "bvh_", "paths")
_STATISTICS = ("meaninertia", "meanmass", "meansize", "extent", "center")


def light_model(model: mujoco.MjModel, spec: mujoco.MjSpec) -> mujoco.MjModel:
    """``model`` without its untouchable meshes: 12,000 of Sawyer's 67,000 triangles stay.

    MuJoCo clears two bytes per triangle at every step: leaving them out makes the physics a tenth cheaper and a
    simulation 12 MB smaller. Every number that decides motion is copied from ``model``, bit for bit.

    Args:
        model: As compiled from ``spec``, and edited since.
        spec: Is changed: compile it once more only for a light model.

    Raises:
        ValueError: ``model`` is not of this ``spec``.
    """
    _lighten(spec)
    light = spec.compile()
    if (light.nq, light.nv, light.names) != (model.nq, model.nv, model.names):
        raise ValueError("model must be compiled from spec: got other names or joints")
    for name in _arrays(model):
        if not name.startswith(_OF_MESHES):
            getattr(light, name)[:] = getattr(model, name)
    boxes = int(model.body_bvhnum.sum())
    for name in ("bvh_depth", "bvh_child", "bvh_nodeid", "bvh_aabb"):  # those of bodies come first
        getattr(light, name)[:boxes] = getattr(model, name)[:boxes]
    for name in _STATISTICS:
        setattr(light.stat, name, getattr(model.stat, name))
    return light


def _lighten(spec: mujoco.MjSpec) -> None:
    kinds = {(geom.contype, geom.conaffinity) for geom in spec.geoms}
    touchable = {geom.meshname for geom in spec.geoms if _touches(geom, kinds)}
    for mesh in spec.meshes:
        if mesh.name not in touchable:
            mesh.file = ""
            mesh.uservert = np.ravel(_TETRAHEDRON)
            mesh.userface = np.ravel(_FACES)


def _touches(geom: Any, kinds: set[tuple[int, int]]) -> bool:
    """Whether MuJoCo lets the geom collide with any of these kinds of geoms (contype, conaffinity)."""
    return any(geom.contype & affinity or contype & geom.conaffinity for contype, affinity in kinds)


def _arrays(model: Any) -> list[str]:
    names = [name for name in dir(model) if not name.startswith("_")]
    return [name for name in names if isinstance(getattr(model, name), np.ndarray)]
