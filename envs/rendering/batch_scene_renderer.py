"""The fast scene renderer: all scenes of a batch in one draw; colours, depth and bodies in one pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from potstill.envs.rendering.offscreen_context import GraphicsUnavailableError, OffscreenContext
from potstill.envs.rendering.painter import Painter, load_painter
from potstill.envs.rendering.painter_set import PainterSet
from potstill.envs.rendering.records import RenderReply, RenderRequest
from potstill.envs.rendering.render_model import RenderModel, RenderModelConfig

if TYPE_CHECKING:
    from potstill.envs.rendering.batch_target import BatchTarget
    from potstill.envs.rendering.batch_task import BatchTask

#: Sides of a picture, pixels.
_MIN_SIZE, _MAX_SIZE = 8, 1024
#: Lets vertex shaders choose the layer.
_LAYER_EXTENSION = b"GL_ARB_shader_viewport_layer_array"


@dataclass(frozen=True, kw_only=True)
class BatchSceneRendererConfig:
    """How a process draws."""

    max_views: int = 64
    """Pictures drawn at once, 1..1024; more take more memory (14 bytes a pixel) and save little."""
    max_tasks: int = 16
    """Pairs of task and robot whose models and textures stay on the graphics device; the one drawn longest ago
    makes room."""
    max_backdrops: int = 32
    """Pictures of resting things kept for each of those pairs, one for each camera and look; at least 1."""
    page_size: int = 256
    """Pixels along each side of every texture, a power of two, 16..2048."""
    model: RenderModelConfig = field(default_factory=RenderModelConfig)
    """Detail of what is drawn."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_views <= 1024:
            raise ValueError(f"max_views must be in 1..1024: got {self.max_views}")
        if self.max_tasks < 1:
            raise ValueError(f"max_tasks must be at least 1: got {self.max_tasks}")
        if self.max_backdrops < 1:
            raise ValueError(f"max_backdrops must be at least 1: got {self.max_backdrops}")
        if not 16 <= self.page_size <= 2048 or self.page_size & (self.page_size - 1):
            raise ValueError(f"page_size must be a power of two in 16..2048: got {self.page_size}")


class BatchSceneRenderer:
    """Draws scenes of any Meta-World task and robot, many at once, in the thread that made it.

    Looks like ``MujocoSceneRenderer`` and takes the same painters. On a CPU the process should have
    ``LP_NUM_THREADS=0`` in its environment (``offscreen_context.py``).

    Args:
        config: what to draw with.
        painters: gives the painter of a name; raises ``ValueError`` for an unknown one.

    Raises:
        GraphicsUnavailableError: OpenGL 4.5 cannot be used; says what to install.
    """

    def __init__(
        self,
        config: BatchSceneRendererConfig | None = None,
        *,
        painters: Callable[[str], Painter] = load_painter,
    ) -> None:
        self._config = config or BatchSceneRendererConfig()
        self._painters = PainterSet(painters)
        self._tasks: OrderedDict[tuple[str, str], BatchTask] = OrderedDict()
        self._target: BatchTarget | None = None
        self._context = OffscreenContext("egl")
        self._check_device()

    def render(self, requests: Sequence[RenderRequest]) -> list[RenderReply]:
        """Draw every request; see ``SceneRenderer.render``."""
        self._context.make_current()
        groups: dict[tuple[str, str, int], list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault((request.task, request.robot, request.size), []).append(index)
        replies: dict[int, RenderReply] = {}
        for (task, robot, size), members in groups.items():
            own = [requests[index] for index in members]
            for chunk in self._chunks(own):
                target = self._target_for(size, sum(len(own[index].cameras) for index in chunk))
                drawn = self._task(task, robot).draw(target, [own[index] for index in chunk])
                replies.update(zip((members[index] for index in chunk), drawn))
        return [replies[index] for index in range(len(requests))]

    def close(self) -> None:
        """Free models, textures and the context; harmless when repeated."""
        if self._tasks or self._target:
            self._context.make_current()  # else another renderer's buffers of the same numbers would go
        while self._tasks:
            self._tasks.popitem()[1].close()
        self._drop_target()
        self._context.close()

    def _check_device(self) -> None:
        from OpenGL import (
            GL,
        )  # late: PyOpenGL settles on a platform when first imported, and the context chooses it

        version = GL.glGetIntegerv(GL.GL_MAJOR_VERSION), GL.glGetIntegerv(GL.GL_MINOR_VERSION)
        extensions = {
            GL.glGetStringi(GL.GL_EXTENSIONS, i) for i in range(GL.glGetIntegerv(GL.GL_NUM_EXTENSIONS))
        }
        if version < (4, 5) or _LAYER_EXTENSION not in extensions:
            raise GraphicsUnavailableError(
                f"the batch renderer needs OpenGL 4.5 with {_LAYER_EXTENSION.decode()}, and "
                f"{GL.glGetString(GL.GL_RENDERER).decode()} has {version[0]}.{version[1]}; choose renderer mujoco"
            )

    def _chunks(self, requests: Sequence[RenderRequest]) -> Iterator[list[int]]:
        """Neighbours whose views fit the target; at least one request each."""
        chunk: list[int] = []
        views = 0
        for index, request in enumerate(requests):
            views += len(request.cameras)
            if chunk and views > self._config.max_views:
                yield chunk
                chunk, views = [], len(request.cameras)
            chunk.append(index)
        yield chunk

    def _task(self, task: str, robot: str) -> BatchTask:
        # Late, as in _check_device.
        from potstill.envs.rendering.batch_canvas import BatchCanvas
        from potstill.envs.rendering.batch_task import BatchTask

        key = task, robot
        if key not in self._tasks:
            config = self._config
            render_model = RenderModel(task, config.model, robot=robot)
            canvas = BatchCanvas(
                render_model.model, page_size=config.page_size, max_backdrops=config.max_backdrops
            )
            self._tasks[key] = BatchTask(render_model, canvas, self._painters)
            if len(self._tasks) > config.max_tasks:
                self._tasks.popitem(last=False)[1].close()
        self._tasks.move_to_end(key)
        return self._tasks[key]

    def _target_for(self, size: int, views: int) -> BatchTarget:
        from potstill.envs.rendering.batch_target import BatchTarget

        if not _MIN_SIZE <= size <= _MAX_SIZE:
            raise ValueError(f"size must be in {_MIN_SIZE}..{_MAX_SIZE} pixels: got {size}")
        if self._target is None or self._target.size != size or self._target.layers < views:
            self._drop_target()
            self._target = BatchTarget(size, max(views, self._config.max_views))
        return self._target

    def _drop_target(self) -> None:
        if self._target:
            self._target.close()
        self._target = None
