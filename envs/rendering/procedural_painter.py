"""The procedural painter: prompt words become materials that are fixed to bodies, and light that falls on them."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

from potstill.envs.rendering.noise_tables import NoiseTables
from potstill.envs.rendering.painter import PainterCapabilities
from potstill.envs.rendering.pixel_geometry import PixelGeometry
from potstill.envs.rendering.placed_pixels import PlacedPixels
from potstill.envs.rendering.procedural_light import ProceduralLight
from potstill.envs.rendering.procedural_look import ProceduralLook
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.scene_regions import SceneRegions

_UP, _TO_EYE = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
#: Edges stray up to this share of the picture's size at strength 0.
_STRAY = 0.08


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
            ValueError: ``strength`` is not in 0..1, or the prompt speaks of a region that there is not.
        """
        if not 0.0 <= request.strength <= 1.0:
            raise ValueError(f"strength must be in 0..1: got {request.strength}")
        assert geometry.depth is not None and geometry.segmentation is not None
        regions = SceneRegions.of(request.task, request.robot)
        key = tuple(sorted(request.prompt.items()))
        look = self._look(key, request.task, request.robot, request.seed, request.strength)
        depth, bodies = _strayed(geometry.depth, geometry.segmentation, request, self._tables)
        pixels = PixelGeometry(depth, geometry.fovy)
        scene = PlacedPixels(pixels, bodies, geometry.camera_pose, request.scene)
        shades = scene.shades(look, self._tables)
        light, shine = _illumination(pixels.normals(), geometry.camera_pose, look.light)
        shine *= look.shine.take(shades)
        colours = light
        goals = [
            (marker, look.goal[:, None] * _glow(light, marker)) for marker in scene.marker_pixels(regions)
        ]
        for channel in range(3):
            colours[channel] *= look.ramps[channel].take(shades)
            colours[channel] += np.float32(look.light.key[channel]) * shine
        for marker, glow in goals:
            colours[:, marker] = glow
        return self._developed(colours, pixels.depth, look.light, request).reshape(*depth.shape, 3)

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
        start = _digest(request) % len(grain)
        if start + colours.size > len(grain):
            grain = np.resize(grain, start + colours.size)  # begins again
        colours += grain[start : start + colours.size].reshape(colours.shape) * np.float32(light.grain)
        colours += np.float32(0.5)
        np.clip(colours, 0, 255, out=colours)
        developed = np.empty((colours.shape[1], 3), np.uint8)
        for channel in range(3):
            developed[:, channel] = colours[channel]  # truncated: half was added
        return developed


def _look(
    prompt: tuple[tuple[str, str], ...], task: str, robot: str, seed: int, strength: float
) -> ProceduralLook:
    return ProceduralLook.of(dict(prompt), SceneRegions.of(task, robot), seed=seed, strength=strength)


def _illumination(
    normals: np.ndarray, camera_pose: np.ndarray, light: ProceduralLight
) -> tuple[np.ndarray, np.ndarray]:
    """Light of each colour that falls on each pixel, (3, N) float32, and the highlight of the key light, (N,)."""
    rotations = camera_pose[:, 3:].astype(np.float64).reshape(-1, 3, 3)
    fallen = np.empty_like(normals)
    highlight = np.empty(normals.shape[1], np.float32)
    mix = np.stack([0.3 * light.ambient, light.key, light.fill, 0.7 * light.ambient], axis=1)
    pixels = normals.shape[1] // len(rotations)
    facing = np.ones((4, pixels), np.float32)  # up, key, fill, and a constant
    for camera, rotation in enumerate(rotations):
        part = slice(camera * pixels, (camera + 1) * pixels)
        directions = np.stack([_UP, light.key_direction, light.fill_direction]) @ rotation
        halfway = (directions[1] + _TO_EYE) / np.linalg.norm(directions[1] + _TO_EYE)
        np.matmul(directions.astype(np.float32), normals[:, part], out=facing[:3])
        np.maximum(facing[1:3], 0, out=facing[1:3])
        np.matmul(mix.astype(np.float32), facing, out=fallen[:, part])
        shine = highlight[part]
        np.matmul(halfway.astype(np.float32), normals[:, part], out=shine)
        np.maximum(shine, 0, out=shine)
        for _ in range(3):
            shine *= shine
    return fallen, highlight


def _glow(light: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Markers shine by themselves; a little of the light that falls on them rounds them."""
    return 0.75 + 0.25 * np.minimum(light[:, pixels].mean(axis=0), 1)


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
