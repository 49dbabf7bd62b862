"""The painters a scene renderer has met, and the part of a request that is theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from potstill.envs.rendering.painter import ImagePainter, Painter, load_painter
from potstill.envs.rendering.records import RenderReply, RenderRequest


class PainterSet:
    """Loads painters when they are first asked for.

    Args:
        find: gives the painter of a name; raises ``ValueError`` for an unknown one.
    """

    def __init__(self, find: Callable[[str], Painter] = load_painter) -> None:
        self._find = find
        self._painters: dict[str, Painter] = {}
        self._image_painters: dict[str, ImagePainter] = {}

    def of(self, request: RenderRequest) -> Painter:
        """The request's painter.

        Raises:
            ValueError: unknown painter, or one that takes no prompt and got one.
        """
        if request.painter not in self._painters:
            self._painters[request.painter] = found = self._find(request.painter)
            if isinstance(found, ImagePainter):  # asked once: Python's check of protocols is slow
                self._image_painters[request.painter] = found
        painter = self._painters[request.painter]
        if request.prompt and not painter.capabilities.prompt:
            raise ValueError(f"painter {request.painter!r} takes no prompt: got {dict(request.prompt)}")
        return painter

    def needs(self, request: RenderRequest) -> tuple[bool, bool]:
        """Whether the rasteriser has to draw colours, and geometry."""
        self.of(request)
        paints_image = request.paint and request.painter in self._image_painters
        return request.paint and not paints_image, request.geometry or paints_image

    def look_of(self, request: RenderRequest) -> str | None:
        """A name that all requests of the same look of the model share; None where each may have its own."""
        painter = self.of(request)
        if request.painter in self._image_painters:
            return ""
        return None if painter.capabilities.seed or painter.capabilities.prompt else request.painter

    def finish(self, drawn: RenderReply, request: RenderRequest) -> RenderReply:
        """The reply: an image painter's picture added, geometry that only it needed taken away."""
        painter = self._image_painters.get(request.painter)
        if painter is None or not request.paint:
            return drawn
        return replace(
            drawn,
            rgb=painter.paint_image(drawn, request),
            depth=drawn.depth if request.geometry else None,
            segmentation=drawn.segmentation if request.geometry else None,
        )
