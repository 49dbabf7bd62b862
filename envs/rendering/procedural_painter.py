"""The procedural painter: prompt words become materials that are fixed to bodies, and light that falls on them."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np

from potstill.envs.rendering.noise_tables import NoiseTables
from potstill.envs.rendering.painter import PainterCapabilities
from potstill.envs.rendering.pixel_geometry import PixelGeometry
from potstill.envs.rendering.pixel_memory import PixelInputs, PixelMemory
from potstill.envs.rendering.placed_pixels import PlacedPixels
from potstill.envs.rendering.procedural_light import ProceduralLight
from potstill.envs.rendering.procedural_look import ProceduralLook
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.scene_regions import SceneRegions

_UP, _TO_EYE = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
#: How many looks (materials and light of a prompt) are kept.
_LOOKS = 256
#: The last pictures of looks are kept up to this many pixels (72 MB); a small camera's picture has 4096.
_REMEMBERED_PIXELS = 4_000_000
#: Edges stray up to this share of the picture's size at strength 0.
_STRAY = 0.08


class ProceduralPainter:
    """Looks of many materials and lights for a CPU: a pure function of geometry, prompt, seed and strength.

    ::

        pixel -> point (depth, camera) -> its body's frame (pose) -> feature coordinates -> pattern -> shade -> colour
        pixel -> normal (depth) -> key, fill and ambient light, gloss -> haze -> sensor

    Because textures live in the frames of their bodies, they move with them: painting again is the ground truth of
    warping. Goal markers shine in a colour that differs from table and background, whatever the prompt. A pixel that
    is computed from the same numbers as in the last picture of its look is not computed again.
    """

    version = "procedural-2"
    capabilities = PainterCapabilities(seed=True, prompt=True)

    def __init__(self) -> None:
        self._tables = NoiseTables.shared()
        self._look = lru_cache(maxsize=_LOOKS)(_look)
        self._memory = PixelMemory(_REMEMBERED_PIXELS)

    def paint_image(self, geometry: RenderReply, request: RenderRequest) -> np.ndarray:
        """(C, H, W, 3) uint8; see ``ImagePainter.paint_image``.

        Raises:
            ValueError: ``strength`` is not in 0..1, or the prompt speaks of a region that there is not.
        """
        if not 0.0 <= request.strength <= 1.0:
            raise ValueError(f"strength must be in 0..1: got {request.strength}")
        assert geometry.depth is not None and geometry.segmentation is not None
        prompt = tuple(sorted(request.prompt.items()))
        key = prompt, request.task, request.robot, request.seed, request.strength
        look = self._look(*key)
        depth, bodies = _strayed(geometry.depth, geometry.segmentation, request, self._tables)
        inputs = PixelInputs(
            depth=depth, bodies=bodies, camera_pose=geometry.camera_pose, scene=request.scene
        )
        placed = PixelGeometry(depth, geometry.fovy)
        scene = PlacedPixels(placed, bodies, geometry.camera_pose, request.scene)
        markers = scene.marker_pixels(SceneRegions.of(request.task, request.robot))
        view = key, request.cameras, depth.shape
        glowing = np.zeros(depth.size, bool)
        glowing[markers] = True
        pixels = np.flatnonzero(self._memory.changed(view, inputs) | glowing)
        glowing = glowing.take(pixels)
        exposed = self._exposed(pixels, placed, scene, look, glowing)
        exposed = self._memory.update(view, inputs, pixels, exposed, passing=markers)
        return self._developed(exposed, look.light.grain, request).reshape(*depth.shape, 3)

    def _exposed(
        self,
        pixels: np.ndarray,
        geometry: PixelGeometry,
        scene: PlacedPixels,
        look: ProceduralLook,
        glowing: np.ndarray,
    ) -> np.ndarray:
        """(3, M) float32 in 0..255: these (M,) pixels as a sensor without noise sees them."""
        shades = scene.shades(pixels, look, self._tables)
        colours, shine = _illumination(geometry.normals(pixels), scene.camera_parts(pixels), look.light)
        glow = look.goal[:, None] * _glow(colours[:, glowing])
        shine *= look.shine.take(shades)
        colours *= look.ramps.take(shades, axis=1)
        colours += look.light.key.astype(np.float32)[:, None] * shine
        colours[:, glowing] = glow
        if look.light.haze_per_metre > 0:
            veil = geometry.depth.take(pixels) * np.float32(look.light.haze_per_metre)
            veil /= veil + 1
            colours += veil * (look.light.haze.astype(np.float32)[:, None] - colours)
        np.sqrt(np.clip(colours, 0, 1, out=colours), out=colours)
        colours *= 255
        return colours

    def _developed(self, exposed: np.ndarray, grain: float, request: RenderRequest) -> np.ndarray:
        """Noise, then (N, 3) uint8."""
        noise = self._tables.grain
        start = _digest(request) % len(noise)
        if start + exposed.size > len(noise):
            noise = np.resize(noise, start + exposed.size)  # begins again
        colours = noise[start : start + exposed.size].reshape(exposed.shape) * np.float32(grain)
        colours += exposed
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
    normals: np.ndarray, cameras: list[tuple[slice, np.ndarray]], light: ProceduralLight
) -> tuple[np.ndarray, np.ndarray]:
    """Light of each colour that falls on each pixel, (3, M) float32, and the highlight of the key light, (M,)."""
    fallen = np.empty_like(normals)
    highlight = np.empty(normals.shape[1], np.float32)
    mix = np.stack([0.7 * light.ambient, 0.3 * light.ambient, light.key, light.fill]).astype(np.float32)
    for part, rotation in cameras:
        directions = np.stack([_UP, light.key_direction, light.fill_direction, _UP]) @ rotation
        directions[3] = (directions[1] + _TO_EYE) / np.linalg.norm(directions[1] + _TO_EYE)  # halfway
        # Element by element, so that no pixel depends on how many there are.
        x, y, z = directions.T.astype(np.float32)[:, :, None]
        facing = normals[0, part] * x + normals[1, part] * y + normals[2, part] * z
        np.maximum(facing[1:], 0, out=facing[1:])
        own = fallen[:, part]
        np.multiply(facing[0], mix[1][:, None], out=own)
        own += facing[1] * mix[2][:, None]
        own += mix[0][:, None]
        if mix[3].any():
            own += facing[2] * mix[3][:, None]
        shine = facing[3]
        for _ in range(3):
            shine *= shine
        highlight[part] = shine
    return fallen, highlight


def _glow(light: np.ndarray) -> np.ndarray:
    """Markers shine by themselves; a little of the light that falls on them rounds them."""
    return 0.75 + 0.25 * np.minimum((light[0] + light[1] + light[2]) / 3, 1)


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
