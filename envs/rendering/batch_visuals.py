"""What a model shows: its visible geoms and sites, and where they are in many scenes at once."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from potstill.envs.rendering.batch_surface import BatchSurface
from potstill.envs.rendering.records import SceneState
from potstill.envs.rendering.rotation_matrices import rotation_matrices

#: A geom or site with exactly this colour takes its material's.
_DEFAULT_RGBA = np.array([0.5, 0.5, 0.5, 1.0], np.float32)
#: Groups above this one are hidden by MuJoCo's default options.
_LAST_VISIBLE_GROUP = 2
#: Below this MuJoCo blends.
_OPAQUE_ALPHA = 0.995


class BatchVisuals:
    """The visuals of one model, geoms before sites, then by id. What is visible and what is see-through is
    settled when it is built. Legend: S scenes, V visuals.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        geoms = (model.geom_group <= _LAST_VISIBLE_GROUP) & (_colours(model, "geom")[:, 3] > 0)
        sites = (model.site_group <= _LAST_VISIBLE_GROUP) & (_colours(model, "site")[:, 3] > 0)
        self._geoms, self._sites = np.flatnonzero(geoms), np.flatnonzero(sites)
        self.bodies = self.of("bodyid", model)
        """(V,) int."""
        self.sizes = self.of("size", model)
        """(V, 3) m, the model's."""
        self.transparent = self.colours(model)[:, 3] < _OPAQUE_ALPHA
        """(V,) bool."""
        self.surfaces = [BatchSurface.of_geom(model, int(geom)) for geom in self._geoms]
        self.surfaces += [BatchSurface.of_site(model, int(site)) for site in self._sites]
        self._local_pos = self.of("pos", model)
        self._local_rotation = rotation_matrices(self.of("quat", model))
        middles = [0.5 * (s.points.min(axis=0) + s.points.max(axis=0)) for s in self.surfaces]
        self.middles = np.array(middles, np.float64).reshape(-1, 3)
        """(V, 3) m: middle of the bounding ball, in the visual's frame."""
        self.radii = np.array(
            [np.linalg.norm(s.points - middle, axis=1).max() for s, middle in zip(self.surfaces, middles)]
        )
        """(V,) m."""
        self._resting = self._resting_poses(model)

    def __len__(self) -> int:
        return len(self.bodies)

    def of(self, name: str, model: mujoco.MjModel) -> np.ndarray:
        """(V, ...): the model's array of that name, without its prefix, per visual."""
        geoms, sites = getattr(model, f"geom_{name}"), getattr(model, f"site_{name}")
        return np.concatenate([geoms[self._geoms], sites[self._sites]])

    def colours(self, model: mujoco.MjModel) -> np.ndarray:
        """(V, 4) float32, of materials where the visual has no colour of its own."""
        return np.concatenate([_colours(model, "geom")[self._geoms], _colours(model, "site")[self._sites]])

    def poses(
        self, body_pos: np.ndarray, body_rotation: np.ndarray, scenes: Sequence[SceneState]
    ) -> np.ndarray:
        """(S, V, 3, 4) float64: visual to world; bodies as (S, B, 3) m and (S, B, 3, 3)."""
        rotation = body_rotation[:, self.bodies]
        poses = np.empty((len(body_pos), len(self), 3, 4))
        poses[..., :3] = rotation @ self._local_rotation
        poses[..., 3] = body_pos[:, self.bodies] + (rotation @ self._local_pos[:, :, None])[..., 0]
        for pose, scene in zip(poses, scenes):  # the simulator may move sites along their bodies
            pose[len(self._geoms) :, :, 3] = scene.site_pos[self._sites]
        return poses

    def at_rest(self, poses: np.ndarray) -> np.ndarray:
        """(S, V) bool: opaque, fixed to the world, and just where the model as it was loaded has it."""
        return (poses == self._resting).all(axis=(-2, -1))

    def _resting_poses(self, model: mujoco.MjModel) -> np.ndarray:
        """(V, 3, 4); not a number for what moves or is see-through."""
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        scene = SceneState(body_pos=data.xpos, body_quat=data.xquat, site_pos=data.site_xpos)
        poses = self.poses(data.xpos[None], rotation_matrices(data.xquat)[None], [scene])[0]
        fixed = (model.body_weldid == 0) & (model.body_mocapid < 0)
        poses[~fixed[self.bodies] | self.transparent] = np.nan
        return poses


def _colours(model: mujoco.MjModel, kind: str) -> np.ndarray:
    own, material = getattr(model, f"{kind}_rgba"), getattr(model, f"{kind}_matid")
    if not model.nmat:
        return own
    inherits = (material >= 0) & (own == _DEFAULT_RGBA).all(axis=1)
    return np.where(inherits[:, None], model.mat_rgba[material], own)
