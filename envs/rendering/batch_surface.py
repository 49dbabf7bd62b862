"""Triangles of what MuJoCo draws: meshes and primitive shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np

#: MuJoCo draws a corner flat where the mesh's normal leans further from the face's than this.
_SMOOTH_COSINE = 0.8
#: Squares along each side of boxes and planes: light is computed at corners and interpolated between them.
_SQUARES = 4
#: The same for planes without an end; their highlights are coarser than MuJoCo draws them (200 squares).
_ENDLESS_SQUARES = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchSurface:
    """A triangulated surface in the frame of its geom or site. Legend: V vertices, F faces."""

    points: np.ndarray
    """(V, 3) m."""
    normals: np.ndarray
    """(V, 3) unit vectors."""
    texture_points: np.ndarray
    """(V, 3): the point before the shape is scaled to its size, which is where MuJoCo looks textures up; for a
    mesh with texture coordinates of its own, those plus a half, and 0."""
    faces: np.ndarray
    """(F, 3) vertex indices, counter-clockwise seen from outside."""
    unwrapped: bool = False
    """A mesh with texture coordinates of its own: flat textures are not repeated."""

    @staticmethod
    def of_geom(model: mujoco.MjModel, geom: int) -> BatchSurface:
        """The surface of a geom.

        Raises:
            ValueError: the geom's type is not drawn (height fields and signed distance fields).
        """
        kind = mujoco.mjtGeom(model.geom_type[geom])
        if kind == mujoco.mjtGeom.mjGEOM_MESH:
            return _mesh(model, int(model.geom_dataid[geom]))
        return _primitive(model, kind, model.geom_size[geom], f"geom {geom}")

    @staticmethod
    def of_site(model: mujoco.MjModel, site: int) -> BatchSurface:
        """The surface of a site."""
        return _primitive(model, mujoco.mjtGeom(model.site_type[site]), model.site_size[site], f"site {site}")


def _mesh(model: mujoco.MjModel, mesh: int) -> BatchSurface:
    """Corners that share point, normal and texture coordinates become one vertex."""
    first, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
    corners, smooth, coordinates = (
        column[first : first + count]
        for column in (model.mesh_face, model.mesh_facenormal, model.mesh_facetexcoord)
    )
    points = model.mesh_vert[model.mesh_vertadr[mesh] :]
    normals = model.mesh_normal[model.mesh_normaladr[mesh] :][: model.mesh_normalnum[mesh]]
    unwrapped = bool(model.mesh_texcoordadr[mesh] >= 0)
    if not unwrapped:
        flat = _face_normals(points[corners])
        sharp = (normals[smooth] * flat[:, None]).sum(axis=2) < _SMOOTH_COSINE
        smooth = np.where(sharp, len(normals) + np.arange(count)[:, None], smooth)
        normals, coordinates = np.concatenate([normals, flat]), corners
    columns = np.stack([corners, smooth, coordinates], axis=-1).reshape(-1, 3)
    unique, faces = np.unique(columns, axis=0, return_inverse=True)
    texture_points = points[unique[:, 0]]
    if unwrapped:
        texture_points = np.pad(
            model.mesh_texcoord[model.mesh_texcoordadr[mesh] :][unique[:, 2]] + 0.5, ((0, 0), (0, 1))
        )
    return BatchSurface(
        points=points[unique[:, 0]],
        normals=normals[unique[:, 1]],
        texture_points=texture_points,
        faces=faces.reshape(-1, 3),
        unwrapped=unwrapped,
    )


def _face_normals(triangles: np.ndarray) -> np.ndarray:
    """(F, 3, 3) corners to (F, 3) unit vectors; 0 where a triangle has no area."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)


def _primitive(model: mujoco.MjModel, kind: mujoco.mjtGeom, size: np.ndarray, name: str) -> BatchSurface:
    around, along = model.vis.quality.numslices, model.vis.quality.numstacks
    shapes: dict[mujoco.mjtGeom, tuple[Callable[[], BatchSurface], np.ndarray]] = {
        mujoco.mjtGeom.mjGEOM_PLANE: (_plane, np.array([size[0], size[1], 1.0])),
        mujoco.mjtGeom.mjGEOM_SPHERE: (lambda: _sphere(around, along), np.full(3, size[0])),
        mujoco.mjtGeom.mjGEOM_ELLIPSOID: (lambda: _sphere(around, along), size),
        mujoco.mjtGeom.mjGEOM_CYLINDER: (lambda: _cylinder(around), np.array([size[0], size[0], size[1]])),
        mujoco.mjtGeom.mjGEOM_CAPSULE: (
            lambda: _capsule(around, along, size[1] / size[0]),
            np.full(3, size[0]),
        ),
        mujoco.mjtGeom.mjGEOM_BOX: (_box, size),
    }
    if kind == mujoco.mjtGeom.mjGEOM_PLANE and not size[:2].all():
        return _endless_plane(model, size)
    if kind not in shapes:
        raise ValueError(f"{name} has type {kind.name}, which cannot be drawn")
    build, scale = shapes[kind]
    unit = build()
    normals = unit.normals / scale
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    corners = unit.points[unit.faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces = unit.faces[np.linalg.norm(area, axis=1) > 1e-9]  # at the poles of nets, squares are triangles
    return BatchSurface(points=unit.points * scale, normals=normals, texture_points=unit.points, faces=faces)


def _grid(points: np.ndarray, normals: np.ndarray) -> BatchSurface:
    """A net of (R, C) points whose rows go up when its columns go right."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.stack([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)]).reshape(-1, 3)
    flat = points.reshape(-1, 3).astype(np.float64)
    return BatchSurface(points=flat, normals=normals.reshape(-1, 3), texture_points=flat, faces=faces)


def _joined(*parts: BatchSurface) -> BatchSurface:
    starts = np.cumsum([0, *(len(part.points) for part in parts[:-1])])
    points = np.concatenate([part.points for part in parts])
    return BatchSurface(
        points=points,
        normals=np.concatenate([part.normals for part in parts]),
        texture_points=points,
        faces=np.concatenate([part.faces + start for part, start in zip(parts, starts)]),
    )


def _plane(squares: int = _SQUARES) -> BatchSurface:
    side = np.linspace(-1.0, 1.0, squares + 1)
    y, x = np.meshgrid(side, side, indexing="ij")
    points = np.stack([x, y, np.zeros_like(x)], axis=-1)
    return _grid(points, np.broadcast_to([0.0, 0.0, 1.0], points.shape))


def _endless_plane(model: mujoco.MjModel, size: np.ndarray) -> BatchSurface:
    """As far as can be seen where the size is 0; there textures are laid in metres."""
    reach = model.vis.map.zfar * model.stat.extent
    unit = _plane(_ENDLESS_SQUARES)
    points = unit.points * [size[0] or reach, size[1] or reach, 1.0]
    texture_points = np.where([size[0] > 0, size[1] > 0, True], unit.points, points)
    return BatchSurface(points=points, normals=unit.normals, texture_points=texture_points, faces=unit.faces)


def _box() -> BatchSurface:
    top = _plane()
    sides = []
    for right, up in (((0, 1), (1, 1)), ((1, 1), (2, 1)), ((2, 1), (0, 1))):
        for sign in (1.0, -1.0):
            turn = np.zeros((3, 3))  # columns: where the plane's x, y and normal go
            turn[right[0], 0], turn[up[0], 1] = sign, 1.0
            turn[:, 2] = np.cross(turn[:, 0], turn[:, 1])
            points = (top.points + np.array([0.0, 0.0, 1.0])) @ turn.T
            sides.append(
                BatchSurface(
                    points=points, normals=top.normals @ turn.T, texture_points=points, faces=top.faces
                )
            )
    return _joined(*sides)


def _sphere(around: int, along: int) -> BatchSurface:
    return _band(around, np.linspace(-np.pi / 2, np.pi / 2, along + 1))


def _band(around: int, latitudes: np.ndarray) -> BatchSurface:
    longitude = np.linspace(0.0, 2 * np.pi, around + 1)
    lat, lon = np.meshgrid(latitudes, longitude, indexing="ij")
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    return _grid(points, points)


def _tube(around: int) -> BatchSurface:
    longitude = np.linspace(0.0, 2 * np.pi, around + 1)
    z, lon = np.meshgrid([-1.0, 1.0], longitude, indexing="ij")
    outward = np.stack([np.cos(lon), np.sin(lon), np.zeros_like(z)], axis=-1)
    return _grid(outward + z[..., None] * [0.0, 0.0, 1.0], outward)


def _cylinder(around: int) -> BatchSurface:
    longitude = np.linspace(0.0, 2 * np.pi, around + 1)
    rim = np.stack([np.cos(longitude), np.sin(longitude), np.ones_like(longitude)], axis=-1)
    centre = np.broadcast_to([0.0, 0.0, 1.0], rim.shape)
    top = _grid(np.stack([rim, centre]), np.broadcast_to([0.0, 0.0, 1.0], (2, *rim.shape)))
    bottom = _grid(
        np.stack([centre, rim]) * [1.0, 1.0, -1.0], np.broadcast_to([0.0, 0.0, -1.0], (2, *rim.shape))
    )
    return _joined(_tube(around), top, bottom)


def _capsule(around: int, along: int, half_length: float) -> BatchSurface:
    """Radius 1; ``half_length`` in radii."""
    shift = np.array([0.0, 0.0, half_length])
    caps = []
    for latitudes, move in (
        (np.linspace(0.0, np.pi / 2, along // 2 + 1), shift),
        (np.linspace(-np.pi / 2, 0.0, along // 2 + 1), -shift),
    ):
        cap = _band(around, latitudes)
        points = cap.points + move
        caps.append(BatchSurface(points=points, normals=cap.normals, texture_points=points, faces=cap.faces))
    tube = _tube(around)
    points = tube.points * [1.0, 1.0, half_length]
    return _joined(
        BatchSurface(points=points, normals=tube.normals, texture_points=points, faces=tube.faces), *caps
    )
