"""The contract of a scene renderer: scenes in, pictures out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from potstill.envs.rendering.records import RenderReply, RenderRequest


class SceneRenderer(Protocol):
    """Draws scenes. A reply is a pure function of its request and the painter's version: neither the batch it
    came in nor what was drawn before changes a byte of it.
    """

    def render(self, requests: Sequence[RenderRequest]) -> list[RenderReply]:
        """Draw every request from all its cameras; replies come in the order of the requests.

        ``paint`` gives ``rgb``, ``geometry`` gives ``depth`` and ``segmentation``; the rest is None.

        Raises:
            ValueError: unknown task, camera or painter, or a scene that does not fit the task's model.
        """

    def close(self) -> None:
        """Free the graphics memory; the renderer cannot be used afterwards."""
