"""The scene renderer's twin without OpenGL: a pattern in place of a picture."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from potstill.envs.rendering.records import RenderReply, RenderRequest

#: Cells along each side of the pattern; 16 cells of 3 colours are one 48-byte digest.
_CELLS = 4


class SketchRenderer:
    """Draws each scene as a flat wall one metre away whose colours are a hash of the scene, camera and seed.

    For tests and measurements of what lies around a renderer. Like the real one it is a pure function of the
    request; unlike it, near scenes do not look alike.
    """

    version = "sketch-1"

    def __init__(self) -> None:
        self.painted = 0
        """Scenes with colours drawn so far."""
        self.batches = 0
        """Calls of ``render`` so far."""

    def render(self, requests: Sequence[RenderRequest]) -> list[RenderReply]:
        """Draw every request; see ``SceneRenderer.render``."""
        self.batches += 1
        return [self._draw(request) for request in requests]

    def close(self) -> None:
        """Nothing to free."""

    def _draw(self, request: RenderRequest) -> RenderReply:
        count, size = len(request.cameras), request.size
        self.painted += request.paint
        pose = np.concatenate([np.zeros(3), np.eye(3).ravel()]).astype(np.float32)
        return RenderReply(
            rgb=np.stack([_pattern(request, camera) for camera in request.cameras])
            if request.paint
            else None,
            depth=np.ones((count, size, size), np.float32) if request.geometry else None,
            segmentation=np.zeros((count, size, size), np.int16) if request.geometry else None,
            camera_pose=np.tile(pose, (count, 1)),
            fovy=np.full(count, 45.0, np.float32),
            painter_version=self.version,
        )


def _pattern(request: RenderRequest, camera: str) -> np.ndarray:
    """(H, W, 3) uint8."""
    digest = hashlib.blake2b(f"{camera} {request.painter} {request.seed}".encode(), digest_size=48)
    for array in (request.scene.body_pos, request.scene.body_quat, request.scene.site_pos):
        digest.update(array.tobytes())
    cells = np.frombuffer(digest.digest(), np.uint8).reshape(_CELLS, _CELLS, 3)
    which = np.arange(request.size) * _CELLS // request.size
    return cells[which[:, None], which[None, :]]
