"""What tells one simulated world from another: a hash of everything in a model that decides its motion."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import mujoco
import numpy as np

#: Fields of a model that decide physics, by the prefix of their names. Whatever MuJoCo derives from these
#: (masses of subtrees, inverse weights, bounding volumes) needs no place here.
_FIELDS: dict[str, str] = {
    "body": "parentid mocapid pos quat ipos iquat mass inertia gravcomp",
    "jnt": "type bodyid pos axis limited range stiffness margin solref solimp actfrclimited actfrcrange",
    "dof": "armature damping frictionloss solref solimp",
    "geom": (
        "bodyid type size pos quat contype conaffinity condim friction margin gap priority solmix solref solimp"
    ),
    "site": "bodyid pos quat",
    "eq": "type obj1id obj2id active0 data solref solimp",
    "actuator": "trntype trnid gear dyntype dynprm gaintype gainprm biastype biasprm ctrlrange forcerange",
    "exclude": "signature",
    "pair": "geom1 geom2 dim friction margin gap solref solimp",
}
_OPTIONS = "timestep gravity integrator solver iterations tolerance cone impratio jacobian disableflags"
#: Smaller numbers count as zero: another machine may leave another rest of a rotation.
_NOTHING = 1e-12


def model_hash(model: mujoco.MjModel) -> str:
    """The sha256 (hex) of what decides physics; the same in every process.

    Models with one hash move alike. Another arm, other objects or another scale of the arm's mass, damping or
    armature give another hash; colours, cameras and geoms that touch nothing do not. Tasks that share a model
    (window-open and window-close) share its hash. Take it before the first episode: tasks place their objects
    in the model itself.
    """
    digest = hashlib.sha256()
    tangible = (model.geom_contype | model.geom_conaffinity) != 0
    for kind, names in _FIELDS.items():
        for name in names.split():
            values = getattr(model, f"{kind}_{name}")
            _add(digest, f"{kind}_{name}", values[tangible] if kind == "geom" else values)
    _add(digest, "qpos0", model.qpos0)
    for mesh in _meshes(model, tangible):
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        _add(digest, "mesh_vert", model.mesh_vert[first : first + count])
    for name in _OPTIONS.split():
        _add(digest, name, getattr(model.opt, name))
    return digest.hexdigest()


def _meshes(model: mujoco.MjModel, tangible: np.ndarray) -> Iterable[int]:
    """The mesh of every geom that is one and can be touched, in the order of the geoms."""
    return model.geom_dataid[tangible & (model.geom_type == mujoco.mjtGeom.mjGEOM_MESH)]


def _add(digest: hashlib._Hash, name: str, values: object) -> None:
    exact = np.asarray(values, dtype=np.float64)
    # Single precision: machines may differ in the last bits. (Rounding to decimals would be worse: numbers that
    # people write down lie on the edge between two decimals more often than between two floats.)
    rounded = np.where(np.abs(exact) < _NOTHING, 0.0, exact).astype("<f4")
    digest.update(f"{name}{rounded.shape}".encode())
    digest.update(rounded.tobytes())
