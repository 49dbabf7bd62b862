"""The procedural painter: prompt words become materials that are fixed to bodies, and light that falls on them."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

from potstill.envs.rendering.noise_tables import NoiseTables
from potstill.envs.rendering.painter import PainterCapabilities
from potstill.envs.rendering.pixel_geometry import PixelGeometry
from potstill.envs.rendering.procedural_light import ProceduralLight
from potstill.envs.rendering.procedural_look import ProceduralLook
from potstill.envs.rendering.procedural_patterns import paint_pattern
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.rotation_matrices import rotation_matrices
from potstill.envs.rendering.scene_regions import SceneRegions

#: The sky is painted as if it were this far away, m.
_SKY_DISTANCE = 3.0
#: Features may have coordinates below zero; the noise tables want them above.
_POSITIVE_FEATURES = 512.0
#: A marker's drawn sphere has facets: pixels this much outside its radius still belong to it.
_MARKER_SLACK = 1.12
#: Edges stray up to this share of the picture's size at strength 0.
_STRAY = 0.08
_SHADES = 256


class ProceduralPainter:
    """Looks of many materials and lights for a CPU: a pure function of geometry, prompt, seed and strength.

    ::

        pixel -> point (depth, camera) -> its body's frame (pose) -> feature coordinates -> pattern -> shade -> colour
        pixel -> normal (depth) -> key, fill and ambient light, gloss -> haze -> sensor

    Because textures live in the frames of their bodies, they move with them: painting again is the ground truth of
    warping. Goal markers shine in a colour that differs from table and background, whatever the prompt.
    """

    version = "procedural-1"
    capabilities = PainterCapabilities(seed=True, prompt=True)

    def __init__(self) -> None:
        self._tables = NoiseTables.shared()
        self._look = lru_cache(maxsize=256)(_look)

    def paint_image(self, geometry: RenderReply, request: RenderRequest) -> np.ndarray:
        """(C, H, W, 3) uint8; see ``ImagePainter.paint_image``.

        Raises:
            ValueError: ``strength`` is not in 0..1.
        """
        if not 0.0 <= request.strength <= 1.0:
            raise ValueError(f"strength must be in 0..1: got {request.strength}")
        assert geometry.depth is not None and geometry.segmentation is not None
        regions = SceneRegions.of(request.task, request.robot)
        key = tuple(sorted(request.prompt.items()))
        look = self._look(key, request.task, request.robot, request.seed, request.strength)
        depth, bodies = _strayed(geometry.depth, geometry.segmentation, request, self._tables)
        scene = _PlacedPixels(geometry, request, depth, bodies)
        shades = scene.shades(look, self._tables)
        light = _illumination(scene.pixels.normals(), scene.camera_rotation, look.light)
        colours = look.ramps.take(shades, axis=1)
        colours *= light[:3]
        colours += look.light.key.astype(np.float32)[:, None] * (light[3] * look.gloss.take(shades))
        for pixels in scene.marker_pixels(regions):
            colours[:, pixels] = look.goal[:, None] * (0.75 + 0.25 * np.minimum(light[1, pixels], 1))
        return self._developed(colours, scene.pixels.depth, look.light, request).reshape(*depth.shape, 3)

    def _developed(
        self, colours: np.ndarray, depth: np.ndarray, light: ProceduralLight, request: RenderRequest
    ) -> np.ndarray:
        """Air and sensor: linear light (3, N) becomes (N, 3) uint8."""
        if light.haze_per_metre > 0:
            veil = depth * np.float32(light.haze_per_metre)
            veil /= veil + 1
            colours += veil * (light.haze.astype(np.float32)[:, None] - colours)
        np.sqrt(np.clip(colours, 0, 1, out=colours), out=colours)
        colours *= 255
        grain = self._tables.grain
        start = _digest(request) % (len(grain) - colours.size)
        colours += grain[start : start + colours.size].reshape(colours.shape) * np.float32(light.grain)
        colours += np.float32(0.5)
        return np.clip(colours, 0, 255, out=colours).astype(np.uint8).T


class _PlacedPixels:
    """Pixels ordered by surface, body and camera, so that each group is one slice."""

    def __init__(
        self, geometry: RenderReply, request: RenderRequest, depth: np.ndarray, bodies: np.ndarray
    ) -> None:
        self.pixels = PixelGeometry(depth, geometry.fovy)
        self._request = request
        poses = geometry.camera_pose.astype(np.float64)
        self._camera_position = poses[:, :3]
        self.camera_rotation = poses[:, 3:].reshape(-1, 3, 3)
        self._bodies = bodies
        self._points = self.pixels.points()
        self._body_rotation = rotation_matrices(request.scene.body_quat)

    def shades(self, look: ProceduralLook, tables: NoiseTables) -> np.ndarray:
        """(N,) intp into the look's ramps."""
        cameras, nobody = len(self._bodies), len(look.surface_of_body) - 1
        by_surface = np.argsort(look.surface_of_body, kind="stable")
        rank = np.empty(nobody + 1, np.int16)
        rank[by_surface] = np.arange(nobody + 1)
        group = rank.take(self._bodies, mode="wrap")  # -1 is the last
        group *= cameras
        group += np.arange(cameras, dtype=np.int16)[:, None, None]
        group = group.ravel()
        order = np.argsort(group, kind="stable")
        ends = np.cumsum(np.bincount(group, minlength=cameras * (nobody + 1)))
        points = self._points.take(order, axis=1)
        shades = np.empty(len(group), np.intp)
        first = 0
        for surface, material in enumerate(look.surfaces):
            start = first
            for body in by_surface[look.surface_of_body[by_surface] == surface]:
                for camera in range(cameras):
                    last = int(ends[rank[body] * cameras + camera])
                    if last > first:
                        part = slice(first, last)
                        sky = body == nobody
                        if sky:
                            points[:, part] *= _SKY_DISTANCE / -points[2, part]
                        turn, shift = self._to_body(-1 if sky else int(body), camera)
                        turn, shift = material.axes @ turn, material.axes @ shift + material.offset
                        placed = turn.astype(np.float32) @ points[:, part]
                        placed += (shift + _POSITIVE_FEATURES).astype(np.float32)[:, None]
                        points[:, part] = placed
                    first = last
            if first > start:
                part = slice(start, first)
                footprint = self._footprint(order[part]) / material.scale
                shade = paint_pattern(material.family, points[:, part], footprint, material.contrast, tables)
                shades[order[part]] = (shade * 255).astype(np.intp) + surface * _SHADES
        return shades

    def marker_pixels(self, regions: SceneRegions) -> list[np.ndarray]:
        """Indices of the pixels of each goal marker in each camera."""
        found = []
        points = self._points.reshape(3, len(self._bodies), -1)
        bodies = self._bodies.reshape(len(self._bodies), -1)
        for site, body, radius in zip(regions.marker_site, regions.marker_body, regions.marker_radius):
            for camera in range(len(bodies)):
                centre = (
                    self._request.scene.site_pos[site] - self._camera_position[camera]
                ) @ self.camera_rotation[camera]
                offset = points[:, camera] - centre.astype(np.float32)[:, None]
                offset *= offset
                near = offset[0] + offset[1] + offset[2] <= np.float32((_MARKER_SLACK * radius) ** 2)
                hit = np.flatnonzero(near & (bodies[camera] == body))
                if len(hit):
                    found.append(hit + camera * bodies.shape[1])
        return found

    def _to_body(self, body: int, camera: int) -> tuple[np.ndarray, np.ndarray]:
        """Rotation (3, 3) and shift (3,) from the camera's frame to the body's; body -1 is the sky's."""
        if body < 0:
            return self.camera_rotation[camera], np.zeros(3)
        inverse = self._body_rotation[body].T
        shift = inverse @ (self._camera_position[camera] - self._request.scene.body_pos[body])
        return inverse @ self.camera_rotation[camera], shift

    def _footprint(self, pixels: np.ndarray) -> float:
        """Metres that a pixel of these covers, on average."""
        per_camera = len(self.pixels.depth) // len(self._bodies)
        depth = np.minimum(self.pixels.depth.take(pixels), np.float32(_SKY_DISTANCE))
        return float(depth.mean() / self.pixels.focal[int(pixels[0]) // per_camera])


def _look(
    prompt: tuple[tuple[str, str], ...], task: str, robot: str, seed: int, strength: float
) -> ProceduralLook:
    return ProceduralLook.of(dict(prompt), SceneRegions.of(task, robot), seed=seed, strength=strength)


def _illumination(normals: np.ndarray, rotations: np.ndarray, light: ProceduralLight) -> np.ndarray:
    """(4, N) float32: light of each colour that falls on each pixel, and the highlight of the key light."""
    cameras = len(rotations)
    to_eye = np.array([0.0, 0.0, 1.0])
    out = np.empty((4, normals.shape[1]), np.float32)
    pixels = normals.shape[1] // cameras
    for camera, rotation in enumerate(rotations):
        part = slice(camera * pixels, (camera + 1) * pixels)
        key, fill, up = (
            rotation.T @ direction
            for direction in (light.key_direction, light.fill_direction, np.array([0.0, 0.0, 1.0]))
        )
        halfway = (key + to_eye) / np.linalg.norm(key + to_eye)
        facing = np.stack([key, fill, up, halfway]).astype(np.float32) @ normals[:, part]
        np.maximum(facing[:2], 0, out=facing[:2])
        shine = np.maximum(facing[3], 0)
        for _ in range(4):
            shine *= shine
        mix = np.stack([light.key, light.fill, 0.3 * light.ambient], axis=1).astype(np.float32)
        out[:3, part] = mix @ facing[:3]
        out[:3, part] += (0.7 * light.ambient).astype(np.float32)[:, None]
        out[3, part] = shine
    return out


def _strayed(
    depth: np.ndarray, bodies: np.ndarray, request: RenderRequest, tables: NoiseTables
) -> tuple[np.ndarray, np.ndarray]:
    """Depth and bodies with their edges bent by a smooth field; untouched at strength 1."""
    if request.strength == 1.0:
        return depth, bodies
    size = depth.shape[1]
    row, column = (axis.ravel().astype(np.float32) for axis in np.mgrid[:size, :size])
    reach = np.float32((1.0 - request.strength) * _STRAY * 2 * size)
    moved = []
    for axis, position in enumerate((row, column)):
        field = np.stack(
            [row * (8 / size), column * (8 / size), np.full_like(row, 3 * axis + request.seed % 61)]
        )
        moved.append(np.clip(position + reach * (tables.smooth(field) - np.float32(0.5)) + 0.5, 0, size - 1))
    source = (moved[0].astype(np.intp) * size + moved[1].astype(np.intp)).reshape(size, size)
    flat = (len(depth), -1)
    return depth.reshape(flat)[:, source], bodies.reshape(flat)[:, source]


def _digest(request: RenderRequest) -> int:
    """Of what changes from picture to picture: every exposure has its own noise."""
    digest = hashlib.blake2b(str(request.seed).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(request.scene.body_pos).tobytes())
    digest.update(np.ascontiguousarray(request.scene.body_quat).tobytes())
    return int.from_bytes(digest.digest(), "big")
