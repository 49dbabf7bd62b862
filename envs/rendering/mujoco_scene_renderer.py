"""The reference scene renderer: MuJoCo's rasteriser, tuned."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from potstill.envs.rendering.offscreen_context import Backend, OffscreenContext
from potstill.envs.rendering.painter import Painter, ScenePainter, load_painter
from potstill.envs.rendering.painter_set import PainterSet
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.render_model import RenderModelConfig
from potstill.envs.rendering.task_canvas import TaskCanvas


@dataclass(frozen=True, kw_only=True)
class MujocoSceneRendererConfig:
    """How a process draws."""

    backend: Backend = "egl"
    """OpenGL without a window: ``egl`` or ``osmesa``."""
    max_tasks: int = 16
    """Pairs of task and robot whose models and textures stay on the graphics device; the one drawn longest ago
    makes room."""
    model: RenderModelConfig = field(default_factory=RenderModelConfig)
    """Detail of what is drawn."""

    def __post_init__(self) -> None:
        if self.backend not in ("egl", "osmesa"):
            raise ValueError(f"backend must be egl or osmesa: got {self.backend!r}")
        if self.max_tasks < 1:
            raise ValueError(f"max_tasks must be at least 1: got {self.max_tasks}")


class MujocoSceneRenderer:
    """Draws scenes of any Meta-World task, one after the other, in the thread that made it.

    Without shadows, reflections and multi-sampling (10 to 50 times the rest); meshes are simplified.
    ``depth`` and ``segmentation`` come out of one pass. A *scene* painter's edits also hold for geometry-only
    requests, because its cameras may be moved; an *image* painter is only called when ``paint`` is set.

    Args:
        config: what to draw with.
        painters: gives the painter of a name; raises ``ValueError`` for an unknown one.

    Raises:
        GraphicsUnavailableError: OpenGL cannot be used; says what to install.
    """

    def __init__(
        self,
        config: MujocoSceneRendererConfig | None = None,
        *,
        painters: Callable[[str], Painter] = load_painter,
    ) -> None:
        self._config = config or MujocoSceneRendererConfig()
        self._painters = PainterSet(painters)
        self._canvases: OrderedDict[tuple[str, str], TaskCanvas] = OrderedDict()
        self._context = OffscreenContext(self._config.backend)

    def render(self, requests: Sequence[RenderRequest]) -> list[RenderReply]:
        """Draw every request; see ``SceneRenderer.render``."""
        self._context.make_current()
        return [self._render_one(request) for request in requests]

    def close(self) -> None:
        """Free models, textures and the context; harmless when repeated."""
        while self._canvases:
            self._context.make_current()  # else another renderer's buffers of the same numbers would go
            self._canvases.popitem()[1].close()
        self._context.close()

    def _render_one(self, request: RenderRequest) -> RenderReply:
        painter = self._painters.of(request)
        canvas = self._canvas(request.task, request.robot)
        model = canvas.render_model.model
        colours, geometry = self._painters.needs(request)
        editing = painter.edited_scene(model, request) if isinstance(painter, ScenePainter) else nullcontext()
        with editing:
            drawn = canvas.draw(request, colours=colours, geometry=geometry, painter_version=painter.version)
        return self._painters.finish(drawn, request)

    def _canvas(self, task: str, robot: str) -> TaskCanvas:
        key = task, robot
        if key not in self._canvases:
            self._canvases[key] = TaskCanvas(task, robot, self._config.model)
            if len(self._canvases) > self._config.max_tasks:
                self._canvases.popitem(last=False)[1].close()
        self._canvases.move_to_end(key)
        return self._canvases[key]
