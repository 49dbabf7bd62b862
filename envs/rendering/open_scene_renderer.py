"""A scene renderer by its name in a configuration."""

from __future__ import annotations

import difflib

from potstill.envs.rendering.batch_scene_renderer import BatchSceneRenderer, BatchSceneRendererConfig
from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.scene_renderer import SceneRenderer

#: Pictures drawn at once at the size that a generator wants: 15 MB of graphics memory each at most.
_DETAILED_VIEWS = 4
_RENDERERS = {"batch": BatchSceneRenderer, "mujoco": MujocoSceneRenderer}


def open_scene_renderer(name: str, *, diffusion: DiffusionConfig | None = None) -> SceneRenderer:
    """The renderer of that name (``RenderConfig.renderer``) with its default settings, in the calling thread.

    Args:
        name: ``batch`` or ``mujoco``.
        diffusion: also load this model, for requests of painter ``diffusion``; takes seconds to minutes.

    Raises:
        ValueError: no such renderer; names all there are.
        GraphicsUnavailableError: OpenGL cannot be used; says what to do.
        ModelUnavailableError: the diffusion model cannot be loaded.
    """
    if name not in _RENDERERS:
        near = difflib.get_close_matches(name, _RENDERERS, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"renderer must be one of {', '.join(_RENDERERS)}: got {name!r}{hint}")
    if diffusion is None:
        return _RENDERERS[name]()
    return _painting_renderer(name, diffusion)


def _painting_renderer(name: str, config: DiffusionConfig) -> SceneRenderer:
    # The only way to torch from here: the other painters work without it.
    from potstill.envs.rendering.diffusion.diffusion_painter import DiffusionPainter
    from potstill.envs.rendering.diffusion.diffusion_scene_renderer import DiffusionSceneRenderer

    painter = DiffusionPainter(config)
    few = BatchSceneRendererConfig(max_views=_DETAILED_VIEWS)
    detailed = BatchSceneRenderer(few) if name == "batch" else MujocoSceneRenderer()
    return DiffusionSceneRenderer(_RENDERERS[name](), detailed, painter, size=config.size)
