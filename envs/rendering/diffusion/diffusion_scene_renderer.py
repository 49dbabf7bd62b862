"""A scene renderer whose pictures a diffusion model paints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from potstill.envs.rendering.diffusion.diffusion_painter import DiffusionPainter
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.scene_renderer import SceneRenderer

#: The painter's name in a request.
_NAME = "diffusion"


class DiffusionSceneRenderer:
    """Draws as another renderer does, and paints requests of painter ``diffusion``, all of a batch together.

    ::

        request -> geometry at the generator's size -> painter -> picture, made as small as the request's size
                -> geometry at the request's size (for the warp)

    Args:
        student: draws at the student's size: geometry, and all requests of other painters.
        detailed: draws at the generator's size; another one, because a renderer keeps memory for one size.
        painter: the loaded model.
        size: the generator's, pixels.
    """

    def __init__(
        self, student: SceneRenderer, detailed: SceneRenderer, painter: DiffusionPainter, *, size: int
    ) -> None:
        self._student, self._detailed = student, detailed
        self._painter = painter
        self._size = size

    def render(self, requests: Sequence[RenderRequest]) -> list[RenderReply]:
        """Draw every request; see ``SceneRenderer.render``."""
        replies = self._student.render(
            [_geometry_of(request) if request.painter == _NAME else request for request in requests]
        )
        for index, request in enumerate(requests):
            if request.painter == _NAME:
                version = f"{self._painter.version}+{replies[index].painter_version}"
                replies[index] = replace(replies[index], painter_version=version)
        painted = [
            index for index, request in enumerate(requests) if request.painter == _NAME and request.paint
        ]
        if painted:
            mine = [requests[index] for index in painted]
            details = [replace(_geometry_of(request), size=self._size, geometry=True) for request in mine]
            pictures = self._painter.paint_images(self._detailed.render(details), mine)
            for index, picture in zip(painted, pictures):
                replies[index] = replace(replies[index], rgb=picture)
        return replies

    def close(self) -> None:
        """Free the graphics memory."""
        self._student.close()
        self._detailed.close()


def _geometry_of(request: RenderRequest) -> RenderRequest:
    return replace(request, painter="mujoco", seed=0, prompt={}, paint=False)
