"""The last picture of each look: what has not changed since need not be painted again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from potstill.envs.rendering.records import SceneState

#: Stands for "never the same"; body ids are -1 (sky) and above.
_NO_BODY = -2


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelInputs:
    """All that decides a pixel's colour, apart from its look. Legend: C cameras, H x W pixels."""

    depth: np.ndarray
    """(C, H, W) float32 m."""
    bodies: np.ndarray
    """(C, H, W) int16; -1 is the sky."""
    camera_pose: np.ndarray
    """(C, 12) float32."""
    scene: SceneState


class PixelMemory:
    """Remembers one picture for each look. A pixel is reused only if everything that it is computed from is equal to
    the bit, so that memory changes no picture.

    Args:
        pixels: how many are remembered in all (18 bytes each); the pictures used longest ago are forgotten.
    """

    def __init__(self, pixels: int) -> None:
        self._room = pixels
        self._remembered: OrderedDict[Hashable, tuple[PixelInputs, np.ndarray]] = OrderedDict()

    def changed(self, look: Hashable, now: PixelInputs) -> np.ndarray:
        """(N,) bool, N = C H W: pixels to paint. The look fixes materials, light, cameras and size of the picture."""
        if look not in self._remembered:
            return np.ones(now.depth.size, bool)
        before, _ = self._remembered[look]
        step = before.depth != now.depth
        changed = step.copy()  # shading looks at the depths on all four sides
        changed[:, 1:] |= step[:, :-1]
        changed[:, :-1] |= step[:, 1:]
        changed[:, :, 1:] |= step[:, :, :-1]
        changed[:, :, :-1] |= step[:, :, 1:]
        changed |= before.bodies != now.bodies
        moved = (before.scene.body_pos != now.scene.body_pos).any(axis=1)
        moved |= (before.scene.body_quat != now.scene.body_quat).any(axis=1)
        changed |= np.append(moved, False).take(now.bodies, mode="wrap")  # -1, the sky, is the last
        changed |= (before.camera_pose != now.camera_pose).any(axis=1)[:, None, None]
        return changed.ravel()

    def update(
        self, look: Hashable, now: PixelInputs, pixels: np.ndarray, colours: np.ndarray, passing: np.ndarray
    ) -> np.ndarray:
        """The whole picture (3, N) float32, only to be read, with new colours (3, M) at some pixels (M,).

        Args:
            look: as for ``changed``.
            now: kept; not to be written to afterwards.
            pixels: at least those that ``changed``.
            colours: of these pixels.
            passing: (P,) pixels to be painted anew next time whatever happens.
        """
        picture = colours
        if len(pixels) < now.depth.size:
            _, picture = self._remembered[look]
            for plane, colour in zip(picture, colours):
                plane[pixels] = colour
        bodies = now.bodies
        if len(passing):
            bodies = bodies.copy()
            bodies.ravel()[passing] = _NO_BODY
        kept = PixelInputs(depth=now.depth, bodies=bodies, camera_pose=now.camera_pose, scene=now.scene)
        if look not in self._remembered:
            self._room -= now.depth.size
        self._remembered[look] = kept, picture
        self._remembered.move_to_end(look)
        while self._room < 0:
            _, (forgotten, _) = self._remembered.popitem(last=False)
            self._room += forgotten.depth.size
        return picture
