"""The plain painter: the scene as the model describes it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from potstill.envs.rendering.painter import PainterCapabilities
from potstill.envs.rendering.records import RenderRequest

if TYPE_CHECKING:
    import mujoco


class MujocoPainter:
    """MuJoCo's own RGB."""

    version = "mujoco-1"
    capabilities = PainterCapabilities(seed=False, prompt=False)

    def edited_scene(self, model: mujoco.MjModel, request: RenderRequest) -> AbstractContextManager[None]:
        """Change nothing."""
        return nullcontext()
