from __future__ import annotations

import mujoco
import numpy as np
import pytest

from potstill.envs.fast_metaworld.hull_mesh import HullMesh

#: A die with a dent in each of its six faces: 8 corners of 14 points are on the hull.
CORNERS = [(x, y, z) for x in (-0.1, 0.1) for y in (-0.1, 0.1) for z in (-0.1, 0.1)]
DENTS = [(0.05, 0, 0), (-0.05, 0, 0), (0, 0.05, 0), (0, -0.05, 0), (0, 0, 0.05), (0, 0, -0.05)]


def _spec() -> mujoco.MjSpec:
    points = np.array([*DENTS, *CORNERS], float)
    faces = []
    for dent, (axis, sign) in enumerate((a, s) for a in range(3) for s in (1, -1)):
        ring = [i for i in range(6, 14) if np.sign(points[i][axis]) == sign]
        middle = points[ring].mean(0)
        others = [i for i in range(3) if i != axis]
        ring.sort(key=lambda i: np.arctan2(*(points[i] - middle)[others]))
        for one, two in zip(ring, ring[1:] + ring[:1]):
            outward = np.cross(points[one] - points[dent], points[two] - points[dent])[axis] * sign
            faces.append((dent, one, two) if outward > 0 else (dent, two, one))
    spec = mujoco.MjSpec()
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 1])
    spec.add_mesh(name="die", uservert=points.ravel(), userface=np.ravel(faces))
    body = spec.worldbody.add_body(name="die", pos=[0, 0, 0.3], quat=[0.9, 0.3, 0.2, 0.1])
    body.explicitinertial, body.mass, body.inertia = True, 1.0, (0.01, 0.012, 0.014)
    body.ipos, body.iquat = (0, 0, 0), (1, 0, 0, 0)
    body.add_freejoint()
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="die")
    return spec


def _fall(model: mujoco.MjModel) -> list[bytes]:
    data = mujoco.MjData(model)
    seen = []
    for _ in range(400):
        mujoco.mj_step(model, data)
        seen.append(data.qpos.tobytes() + data.contact.pos.tobytes())
    assert data.ncon > 0
    return seen


def _with_hull(full: mujoco.MjModel) -> mujoco.MjModel:
    spec = _spec()
    hull = HullMesh(full, spec.meshes[0])
    model = spec.compile()
    hull.restore(model)
    for name in ("geom_pos", "geom_quat", "geom_aabb", "geom_rbound", "geom_size", "geom_sameframe"):
        getattr(model, name)[:] = getattr(full, name)
    return model


def test_the_hull_alone_falls_and_rolls_as_the_whole_mesh_to_the_last_bit() -> None:
    full = _spec().compile()
    hull = _with_hull(full)

    assert (full.mesh_vertnum[0], hull.mesh_vertnum[0]) == (14, 8)
    assert _fall(hull) == _fall(full)


def test_the_hull_has_the_whole_meshs_corners() -> None:
    full = _spec().compile()
    hull = _with_hull(full)

    assert {tuple(corner) for corner in hull.mesh_vert} == {tuple(corner) for corner in full.mesh_vert[6:]}


def test_another_model_is_refused() -> None:
    spec, other = _spec(), _spec()
    hull = HullMesh(spec.compile(), spec.meshes[0])
    other.meshes[0].uservert = np.ravel([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    other.meshes[0].userface = np.ravel([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    with pytest.raises(ValueError, match="hull of triangles"):
        hull.restore(other.compile())
