"""A scene renderer by its name in a configuration."""

from __future__ import annotations

import difflib

from potstill.envs.rendering.batch_scene_renderer import BatchSceneRenderer
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.scene_renderer import SceneRenderer

_RENDERERS = {"batch": BatchSceneRenderer, "mujoco": MujocoSceneRenderer}


def open_scene_renderer(name: str) -> SceneRenderer:
    """The renderer of that name (``RenderConfig.renderer``) with its default settings, in the calling thread.

    Raises:
        ValueError: no such renderer; names all there are.
        GraphicsUnavailableError: OpenGL cannot be used; says what to do.
    """
    if name not in _RENDERERS:
        near = difflib.get_close_matches(name, _RENDERERS, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"renderer must be one of {', '.join(_RENDERERS)}: got {name!r}{hint}")
    return _RENDERERS[name]()
