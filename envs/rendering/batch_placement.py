"""Where every visual, camera and light of many scenes is."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from potstill.envs.rendering.batch_look import FAR_AWAY_LIGHT, BatchLook
from potstill.envs.rendering.batch_visuals import BatchVisuals
from potstill.envs.rendering.records import SceneState
from potstill.envs.rendering.rotation_matrices import rotation_matrices

#: Bounding balls are taken this much larger (m): culling must never take a pixel away.
_CULLING_MARGIN = 1e-4


class BatchPlacement:
    """Scenes of one model, each seen from some of its cameras; computed element by element, so that no figure
    depends on the rest of the batch. Legend: S scenes, N views (scene by scene), V visuals, L lights.

    Args:
        model: owns bodies and cameras.
        visuals: the model's.
        scenes: S scenes that fit the model.
        looks: how each is painted.
        cameras: camera ids of each.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        visuals: BatchVisuals,
        scenes: Sequence[SceneState],
        looks: Sequence[BatchLook],
        cameras: Sequence[Sequence[int]],
    ) -> None:
        self._body_pos = np.stack([scene.body_pos for scene in scenes])
        quaternions = np.stack([scene.body_quat for scene in scenes])
        self._body_rotation = rotation_matrices(quaternions.reshape(-1, 4)).reshape(
            *quaternions.shape[:2], 3, 3
        )
        self.poses = visuals.poses(self._body_pos, self._body_rotation, scenes)
        """(S, V, 3, 4) float64: visual to world."""
        self.scene_of_view = np.repeat(np.arange(len(scenes)), [len(chosen) for chosen in cameras])
        """(N,) int."""
        self.camera_of_view = np.concatenate([np.asarray(chosen, np.intp) for chosen in cameras])
        """(N,) int."""
        self._place_cameras(model, looks)
        self._find_distances(visuals)

    def lights(self, scene: int, look: BatchLook) -> tuple[np.ndarray, np.ndarray]:
        """World place and beam of a scene's lights, (L, 4) float32 each, as ``shaders/batch.vert`` takes them."""
        rotation = self._body_rotation[scene, look.light_body]
        place, beam = look.light_place.copy(), look.light_beam.copy()
        beam[:, :3] = (rotation @ look.light_beam[:, :3, None])[..., 0]
        place[:, :3] = (rotation @ look.light_place[:, :3, None])[..., 0]
        place[:, :3] += self._body_pos[scene, look.light_body]
        far = place[:, 3] == FAR_AWAY_LIGHT
        place[far, :3] = -beam[far, :3]
        return place.astype(np.float32), beam.astype(np.float32)

    def light_carriers(self, scene: int, look: BatchLook) -> bytes:
        """Equal bytes for scenes in which the lights of this look are in the same places."""
        bodies = look.light_body
        return self._body_pos[scene, bodies].tobytes() + self._body_rotation[scene, bodies].tobytes()

    def in_sight(self, visuals: BatchVisuals, near: float, far: float) -> np.ndarray:
        """(N, V) bool: false only where a visual cannot touch the picture; planes in m."""
        x, y, z = np.abs(self._seen[..., 0]), np.abs(self._seen[..., 1]), -self._seen[..., 2]
        radii, focal = visuals.radii + _CULLING_MARGIN, self.focal[:, None]
        reach = radii * np.sqrt(1.0 + focal**2)  # a slanted side of the picture's pyramid
        inside = (x * focal <= z + reach) & (y * focal <= z + reach)
        return inside & (z >= near - radii) & (z <= far + radii)

    def _place_cameras(self, model: mujoco.MjModel, looks: Sequence[BatchLook]) -> None:
        scene, camera = self.scene_of_view, self.camera_of_view
        body = model.cam_bodyid[camera]
        carrier, rotation = self._body_pos[scene, body], self._body_rotation[scene, body]
        local = [
            (looks[s].camera_pos[c], looks[s].camera_rotation[c])
            for s, c in zip(scene.tolist(), camera.tolist())
        ]
        position = carrier + (rotation @ np.stack([p for p, _ in local])[:, :, None])[..., 0]
        axes = rotation @ np.stack([r for _, r in local])
        tracking = model.cam_mode[camera] == mujoco.mjtCamLight.mjCAMLIGHT_TRACK
        position[tracking] = (carrier + model.cam_pos0[camera])[tracking]
        axes[tracking] = model.cam_mat0[camera].reshape(-1, 3, 3)[tracking]
        self.camera_pos, self.camera_axes = position, axes
        """(N, 3) m and (N, 3, 3), columns right, up and back."""
        self.fovy = np.array([looks[s].camera_fovy[c] for s, c in zip(scene.tolist(), camera.tolist())])
        """(N,) degrees."""
        self.focal = 1.0 / np.tan(np.deg2rad(self.fovy) / 2)
        """(N,) half pictures."""
        view = axes.transpose(0, 2, 1)
        self.world_to_camera = np.concatenate([view, -(view @ position[:, :, None])], axis=2)
        """(N, 3, 4)."""

    def _find_distances(self, visuals: BatchVisuals) -> None:
        rotation, shift = self.poses[..., :3], self.poses[..., 3]
        middles = shift + (rotation @ visuals.middles[:, :, None])[..., 0]
        view = self.world_to_camera
        self._seen = (view[:, None, :, :3] @ middles[self.scene_of_view][..., None])[..., 0] + view[
            :, None, :, 3
        ]
        self.distances = np.linalg.norm(self._seen, axis=-1) - visuals.radii
        """(N, V) m: from the camera to each visual's nearest side."""
