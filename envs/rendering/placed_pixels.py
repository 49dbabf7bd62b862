"""Pixels in the coordinates of what they show: the part of procedural painting that knows bodies and cameras."""

from __future__ import annotations

import numpy as np

from potstill.envs.rendering.noise_tables import NoiseTables
from potstill.envs.rendering.pixel_geometry import PixelGeometry
from potstill.envs.rendering.procedural_look import ProceduralLook
from potstill.envs.rendering.procedural_patterns import paint_pattern
from potstill.envs.rendering.records import SceneState
from potstill.envs.rendering.rotation_matrices import rotation_matrices
from potstill.envs.rendering.scene_regions import SceneRegions

#: The sky is painted as if it were this far away from the camera, wherever that is, m.
_SKY_DISTANCE = 3.0
#: Features may have coordinates below zero; the noise tables want them above.
_POSITIVE_FEATURES = 512.0
#: A marker's drawn sphere has facets: pixels this much outside its radius still belong to it.
_MARKER_SLACK = 1.12
_SHADES = 256


class PlacedPixels:
    """One scene's pixels. Legend: C cameras, H x W pixels, N = C H W, B bodies.

    Args:
        geometry: points of the pixels.
        bodies: (C, H, W) int16 body ids; -1 is the sky.
        camera_pose: (C, 12); see ``RenderReply.camera_pose``.
        scene: poses of the bodies.
    """

    def __init__(
        self, geometry: PixelGeometry, bodies: np.ndarray, camera_pose: np.ndarray, scene: SceneState
    ) -> None:
        self._geometry = geometry
        self._bodies = bodies
        self._scene = scene
        poses = camera_pose.astype(np.float64)
        self._position, self._rotation = poses[:, :3], poses[:, 3:].reshape(-1, 3, 3)
        self._points = geometry.points()

    def shades(self, look: ProceduralLook, tables: NoiseTables) -> np.ndarray:
        """(N,) intp: surface * 256 + shade, an index into the look's ramps."""
        order, ends, groups = self._grouped(look)
        points = np.empty((4, len(order)), np.float32)
        for axis in range(3):
            self._points[axis].take(order, out=points[axis], mode="clip")
        points[3] = 1
        features = np.empty((3, len(order)), np.float32)
        shades = np.empty(len(order), np.float32)
        to_features = self._to_features(look)
        starts = np.concatenate([[0], ends[:-1]])
        surface_of_group = look.surface_of_body[groups // len(self._bodies)]
        for surface in np.unique(surface_of_group):
            mine = np.flatnonzero(surface_of_group == surface)
            for index in mine:
                part = slice(starts[index], ends[index])
                if groups[index] // len(self._bodies) == len(look.surface_of_body) - 1:
                    points[:3, part] *= _SKY_DISTANCE / -points[2, part]
                np.matmul(to_features[groups[index]], points[:, part], out=features[:, part])
            whole = slice(starts[mine[0]], ends[mine[-1]])
            material = look.surfaces[surface]
            distance = -float(points[2, whole][::8].mean())
            footprint = distance / self._geometry.focal[0] / material.scale
            shade = paint_pattern(material.family, features[:, whole], footprint, material.contrast, tables)
            np.multiply(shade, _SHADES - 1, out=shades[whole])
            shades[whole] += surface * _SHADES
        ungrouped = np.empty(len(order), np.intp)
        ungrouped[order] = shades  # truncated: whole shades
        return ungrouped

    def marker_pixels(self, regions: SceneRegions) -> list[np.ndarray]:
        """Indices of the pixels of each goal marker that is seen."""
        found = []
        cameras = len(self._bodies)
        points, bodies = self._points.reshape(3, cameras, -1), self._bodies.reshape(cameras, -1)
        for site, body, radius in zip(regions.marker_site, regions.marker_body, regions.marker_radius):
            centres = np.einsum(
                "ci,cij->cj", self._scene.site_pos[site] - self._position, self._rotation
            ).astype(np.float32)
            reach = np.float32(_MARKER_SLACK * radius)
            for camera, centre in enumerate(centres):
                # Few pixels lie in the marker's range of depths: only they are looked at.
                near = np.flatnonzero(np.abs(points[2, camera] - centre[2]) <= reach)
                near = near[bodies[camera].take(near) == body]
                offset = points[:, camera, near] - centre[:, None]
                offset *= offset
                hit = near[offset[0] + offset[1] + offset[2] <= reach * reach]
                if len(hit):
                    found.append(hit + camera * bodies.shape[1])
        return found

    def _grouped(self, look: ProceduralLook) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixels ordered by surface, body and camera: (N,) order, (G,) ends and (G,) body * C + camera."""
        cameras, bodies = len(self._bodies), len(look.surface_of_body)
        by_surface = np.argsort(look.surface_of_body, kind="stable")
        rank = np.empty(bodies, np.int32)
        rank[by_surface] = np.arange(bodies)
        group = rank.take(self._bodies, mode="wrap") * cameras  # body -1, the sky, is the last
        group += np.arange(cameras, dtype=np.int32)[:, None, None]
        group = group.ravel()
        # Neighbours mostly show the same body: sorting runs of them is many times quicker than sorting pixels.
        starts = np.concatenate([[0], np.flatnonzero(group[1:] != group[:-1]) + 1])
        lengths = np.diff(starts, append=len(group))
        runs = np.argsort(group[starts], kind="stable")
        lengths = lengths[runs]
        shift = starts[runs] - (np.cumsum(lengths) - lengths)
        order = np.repeat(shift, lengths)
        order += np.arange(len(group))
        counts = np.bincount(group, minlength=cameras * bodies)
        seen = np.flatnonzero(counts)
        return order, np.cumsum(counts[seen]), by_surface[seen // cameras] * cameras + seen % cameras

    def _to_features(self, look: ProceduralLook) -> np.ndarray:
        """((B + 1) * C, 3, 4) float32: from each camera's frame to the features of each body's surface."""
        inverse = rotation_matrices(self._scene.body_quat).transpose(0, 2, 1)
        shift = inverse[:, None] @ (self._position[None] - self._scene.body_pos[:, None])[..., None]
        turn = inverse[:, None] @ self._rotation[None]
        # The sky turns with the camera and does not move with it.
        turn = np.concatenate([turn, self._rotation[None]])
        shift = np.concatenate([shift, np.zeros_like(shift[:1])])
        axes = np.stack([surface.axes for surface in look.surfaces])[look.surface_of_body]
        offset = np.stack([surface.offset for surface in look.surfaces])[look.surface_of_body]
        shift = axes[:, None] @ shift + (offset + _POSITIVE_FEATURES)[:, None, :, None]
        whole = np.concatenate([axes[:, None] @ turn, shift], axis=-1)
        return whole.reshape(-1, 3, 4).astype(np.float32)
