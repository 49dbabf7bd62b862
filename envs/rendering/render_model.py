"""A model that is only drawn: the task's own, with lighter meshes, upright cameras and no physics."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import fast_simplification
import mujoco
import numpy as np

from potstill.envs.rendering.records import SceneState
from potstill.envs.rendering.rotation_matrices import rotation_matrices
from potstill.envs.rendering.workspace_cameras import WORKSPACE_CAMERAS
from potstill.envs.robots.task_spec import task_spec

#: Camera modes whose pose follows from body poses alone; all that Meta-World uses.
_PLACEABLE_MODES = (mujoco.mjtCamLight.mjCAMLIGHT_FIXED, mujoco.mjtCamLight.mjCAMLIGHT_TRACK)


@dataclass(frozen=True, kw_only=True)
class RenderModelConfig:
    """How much detail is drawn. The defaults look alike at 64-128 pixels and draw 3 times faster."""

    face_fraction: float = 0.1
    """Faces kept of every large mesh, (0, 1]; 1 keeps the meshes as they are."""
    min_faces: int = 400
    """Meshes with fewer faces stay as they are."""
    sphere_slices: int = 16
    """Facets around spheres and cylinders, 8..64; MuJoCo's default is 28."""
    sphere_stacks: int = 8
    """Facets along spheres and cylinders, 4..64; MuJoCo's default is 16."""

    def __post_init__(self) -> None:
        if not 0.0 < self.face_fraction <= 1.0:
            raise ValueError(f"face_fraction must be in (0, 1]: got {self.face_fraction}")
        if self.min_faces < 4:
            raise ValueError(f"min_faces must be at least 4: got {self.min_faces}")
        if not 8 <= self.sphere_slices <= 64:
            raise ValueError(f"sphere_slices must be in 8..64: got {self.sphere_slices}")
        if not 4 <= self.sphere_stacks <= 64:
            raise ValueError(f"sphere_stacks must be in 4..64: got {self.sphere_stacks}")


class RenderModel:
    """One task's scene. ``place`` puts everything where a ``SceneState`` says; then ``model`` and ``data``
    can be drawn (geoms, sites, cameras and lights are placed, nothing else in ``data`` is meaningful).

    Bodies, geoms and sites have the ids and names of Meta-World's own model. Cameras fixed to the world are
    rolled upright (Meta-World's ``corner*`` hang upside-down), and ``WORKSPACE_CAMERAS`` are added.

    Raises:
        ValueError: unknown task or robot; names the nearest ones.
    """

    def __init__(self, task: str, config: RenderModelConfig | None = None, *, robot: str = "sawyer") -> None:
        self.task, self.robot = task, robot
        self.model = _build(task, robot, config or RenderModelConfig())
        self.data = mujoco.MjData(self.model)
        self._geom_rotation = rotation_matrices(self.model.geom_quat)
        self._site_rotation = rotation_matrices(self.model.site_quat)
        self._tracking = self.model.cam_mode == mujoco.mjtCamLight.mjCAMLIGHT_TRACK

    def place(self, scene: SceneState) -> None:
        """Put bodies, geoms, sites, cameras and lights where the scene says.

        Raises:
            ValueError: the scene has another number of bodies or sites than the model.
        """
        model, data = self.model, self.data
        self.check(scene)
        body_rotation = rotation_matrices(scene.body_quat)
        data.geom_xpos[:] = _attach(model.geom_pos, model.geom_bodyid, scene.body_pos, body_rotation)
        data.geom_xmat[:] = (body_rotation[model.geom_bodyid] @ self._geom_rotation).reshape(-1, 9)
        data.site_xpos[:] = scene.site_pos
        data.site_xmat[:] = (body_rotation[model.site_bodyid] @ self._site_rotation).reshape(-1, 9)
        data.light_xpos[:] = _attach(model.light_pos, model.light_bodyid, scene.body_pos, body_rotation)
        data.light_xdir[:] = np.einsum("lij,lj->li", body_rotation[model.light_bodyid], model.light_dir)
        self._place_cameras(scene.body_pos, body_rotation)

    def check(self, scene: SceneState) -> None:
        """Refuse a scene of another model.

        Raises:
            ValueError: the scene has another number of bodies or sites than the model.
        """
        wanted = {
            "body_pos": (self.model.nbody, 3),
            "body_quat": (self.model.nbody, 4),
            "site_pos": (self.model.nsite, 3),
        }
        for name, shape in wanted.items():
            got = getattr(scene, name).shape
            if got != shape:
                raise ValueError(f"scene.{name} of {self.task} with {self.robot} must be {shape}: got {got}")

    def camera_id(self, name: str) -> int:
        """Id of a camera.

        Raises:
            ValueError: no such camera; names those there are.
        """
        index = mujoco.mj_name2id(self.model, mujoco.mjtObj.mjOBJ_CAMERA, name)
        if index >= 0:
            return index
        names = [self.model.camera(index).name for index in range(self.model.ncam)]
        near = difflib.get_close_matches(name, names, n=2, cutoff=0.3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise ValueError(f"unknown camera {name!r} in {self.task}: there are {', '.join(names)}{hint}")

    def _place_cameras(self, body_pos: np.ndarray, body_rotation: np.ndarray) -> None:
        model, data = self.model, self.data
        fixed_pos = _attach(model.cam_pos, model.cam_bodyid, body_pos, body_rotation)
        fixed_rotation = body_rotation[model.cam_bodyid] @ rotation_matrices(model.cam_quat)
        tracking_pos = body_pos[model.cam_bodyid] + model.cam_pos0
        data.cam_xpos[:] = np.where(self._tracking[:, None], tracking_pos, fixed_pos)
        data.cam_xmat[:] = np.where(self._tracking[:, None], model.cam_mat0, fixed_rotation.reshape(-1, 9))


def _build(task: str, robot: str, config: RenderModelConfig) -> mujoco.MjModel:
    full = task_spec(task, robot).compile()
    spec = task_spec(task, robot)
    for index, mesh in enumerate(spec.meshes):
        if full.mesh_facenum[index] >= config.min_faces and config.face_fraction < 1.0:
            _simplify(mesh, full, index, config.face_fraction)
    for geom in spec.geoms:  # nothing collides here, and convex hulls of meshes take long
        geom.contype = geom.conaffinity = 0
    for view in WORKSPACE_CAMERAS:
        spec.worldbody.add_camera(name=view.name, pos=view.position, quat=view.quaternion(), fovy=view.fovy)
    model = spec.compile()
    _check_same_names(full, model)
    # The near and far planes scale with the extent, which must not depend on the detail of the meshes.
    model.stat.extent, model.stat.center[:] = full.stat.extent, full.stat.center
    quality = model.vis.quality
    quality.numslices, quality.numstacks = config.sphere_slices, config.sphere_stacks
    # Read when the graphics context is made: no shadow map (it takes 150 ms a frame), no multi-sampling.
    quality.shadowsize = quality.offsamples = 0
    _roll_upright(model)
    return model


def _simplify(mesh: mujoco.MjsMesh, full: mujoco.MjModel, index: int, face_fraction: float) -> None:
    """Replace a mesh by one with fewer faces in the frame of its file."""
    first, count = full.mesh_vertadr[index], full.mesh_vertnum[index]
    # The compiler moved the vertices into the mesh's inertia frame: move them back.
    rotation = rotation_matrices(full.mesh_quat[index : index + 1])[0]
    vertices = full.mesh_vert[first : first + count] @ rotation.T + full.mesh_pos[index]
    first, count = full.mesh_faceadr[index], full.mesh_facenum[index]
    vertices, faces = fast_simplification.simplify(
        vertices.astype(np.float32),
        full.mesh_face[first : first + count],
        target_reduction=1.0 - face_fraction,
    )
    mesh.file = ""
    mesh.scale = [1.0, 1.0, 1.0]
    mesh.refpos, mesh.refquat = [0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]
    mesh.uservert = vertices.astype(np.float32).ravel()
    mesh.userface = faces.astype(np.int32).ravel()
    # The default inertia needs a closed surface; a simplified one may have holes.
    mesh.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL


def _check_same_names(full: mujoco.MjModel, model: mujoco.MjModel) -> None:
    for kind, number in (
        ("body", full.nbody),
        ("geom", full.ngeom),
        ("site", full.nsite),
        ("mesh", full.nmesh),
    ):
        names, wanted = ([getattr(m, kind)(i).name for i in range(number)] for m in (model, full))
        if names != wanted or number != getattr(model, f"n{kind}"):
            raise RuntimeError(f"the render-only model lost or moved a {kind}: {wanted} became {names}")
    if not np.isin(model.cam_mode, _PLACEABLE_MODES).all() or (model.light_mode != _PLACEABLE_MODES[0]).any():
        raise RuntimeError("a camera or light of the model has a mode that body poses alone do not determine")


def _roll_upright(model: mujoco.MjModel) -> None:
    """Roll world-fixed cameras whose up axis points down by 180 degrees about their line of sight."""
    up_z = rotation_matrices(model.cam_quat)[:, 2, 1]
    upside_down = (model.cam_bodyid == 0) & (up_z < -1e-6)
    w, x, y, z = model.cam_quat[upside_down].T
    model.cam_quat[upside_down] = np.stack([-z, y, -x, w], axis=-1)  # q * (0, 0, 0, 1)


def _attach(
    local: np.ndarray, body: np.ndarray, body_pos: np.ndarray, body_rotation: np.ndarray
) -> np.ndarray:
    """World positions of points given in the frames of their bodies; (N, 3)."""
    return body_pos[body] + np.einsum("nij,nj->ni", body_rotation[body], local)
