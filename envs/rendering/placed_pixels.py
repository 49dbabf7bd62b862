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
_SKY_DISTANCE = np.float32(3.0)
#: Features may have coordinates below zero; the noise tables want them above.
_POSITIVE_FEATURES = 512.0
#: A marker's drawn sphere has facets: pixels this much outside its radius still belong to it.
_MARKER_SLACK = 1.12
_SHADES = 256


class PlacedPixels:
    """One scene's pixels. Legend: C cameras, H x W pixels, N = C H W, B bodies.

    Args:
        geometry: rays and depths of the pixels.
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

    def shades(self, pixels: np.ndarray, look: ProceduralLook, tables: NoiseTables) -> np.ndarray:
        """(M,) intp at these (M,) pixels: surface * 256 + shade, an index into the look's ramps."""
        part = self._bodies.ravel().take(pixels).astype(np.intp) + 1  # the sky is 0, then come the bodies
        surface_of_pixel = look.surface_of_part.take(part)
        order = np.argsort(surface_of_pixel, kind="stable")
        pixels, part = pixels.take(order), part.take(order)
        camera = pixels // self._bodies[0].size
        depth = np.where(part > 0, self._geometry.depth.take(pixels), _SKY_DISTANCE)
        part += camera * len(look.surface_of_part)
        points = self._features(pixels, part, depth, look)
        footprint = depth / self._geometry.focal.astype(np.float32).take(camera)  # m, of a pixel
        values = np.empty(len(pixels), np.float32)
        ends = np.cumsum(np.bincount(surface_of_pixel, minlength=len(look.surfaces))).tolist()
        for surface, (first, end) in enumerate(zip([0, *ends], ends)):
            if first == end:
                continue
            own, material = slice(first, end), look.surfaces[surface]
            size = footprint[own] * np.float32(1 / material.scale)
            shade = paint_pattern(material.family, points[:, own], size, material.contrast, tables)
            np.multiply(shade, _SHADES - 1, out=values[own])
            values[own] += surface * _SHADES
        shades = np.empty(len(pixels), np.intp)
        shades[order] = values  # truncated: whole shades
        return shades

    def camera_parts(self, pixels: np.ndarray) -> list[tuple[slice, np.ndarray]]:
        """For each camera which of these (M,) rising pixels are its own, and its axes (3, 3)."""
        ends = np.searchsorted(pixels, np.arange(len(self._bodies) + 1) * self._bodies[0].size).tolist()
        return [(slice(first, end), rotation) for first, end, rotation in zip(ends, ends[1:], self._rotation)]

    def marker_pixels(self, regions: SceneRegions) -> np.ndarray:
        """(P,) intp: the pixels that show goal markers."""
        found = [np.empty(0, np.intp)]
        _, height, width = self._bodies.shape
        for site, body, radius in zip(regions.marker_site, regions.marker_body, regions.marker_radius):
            offsets = self._scene.site_pos[site] - self._position
            centres = (self._rotation.transpose(0, 2, 1) @ offsets[:, :, None])[..., 0]
            for camera, centre in enumerate(centres):
                rows, columns = self._geometry.box(camera, centre, _MARKER_SLACK * radius)
                points = self._geometry.points(camera, rows, columns)
                points -= centre.astype(np.float32)[:, None, None]
                points *= points
                hit = points[0] + points[1] + points[2] <= np.float32((_MARKER_SLACK * radius) ** 2)
                hit &= self._bodies[camera, rows, columns] == body
                row, column = np.nonzero(hit)
                found.append((camera * height + rows.start + row) * width + columns.start + column)
        return np.concatenate(found)

    def _features(
        self, pixels: np.ndarray, part: np.ndarray, depth: np.ndarray, look: ProceduralLook
    ) -> np.ndarray:
        """(3, M) float32: where each pixel's point is on its surface, in features."""
        column, row = (axis.take(pixels) for axis in self._geometry.grid())
        across, down, onwards, shift = self._to_features(look).take(part, axis=2)
        across *= column
        down *= row
        points = across + down
        points += onwards
        points *= depth
        points += shift
        return points

    def _to_features(self, look: ProceduralLook) -> np.ndarray:
        """(4, 3, C * (B + 1)) float32: from (column, row, 1) * depth and 1 to features of the surface of each part."""
        turn = look.axes_of_part[1:] @ rotation_matrices(self._scene.body_quat).transpose(0, 2, 1)
        rays = self._rotation @ self._geometry.unprojections
        matrices = np.empty((len(rays), len(look.axes_of_part), 3, 4))
        matrices[:, 1:, :, :3] = turn @ rays[:, None]
        matrices[:, 1:, :, 3:] = turn @ (self._position[:, None] - self._scene.body_pos)[..., None]
        # The sky turns with the camera and does not move with it.
        matrices[:, 0, :, :3], matrices[:, 0, :, 3] = look.axes_of_part[0] @ rays, 0.0
        matrices[..., 3] += look.offset_of_part + _POSITIVE_FEATURES
        return np.ascontiguousarray(matrices.reshape(-1, 3, 4).T, dtype=np.float32)
