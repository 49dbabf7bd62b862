"""What turns a scene into pixels, and how a painter is found by its name."""

from __future__ import annotations

import difflib
import importlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from potstill.envs.rendering.records import RenderReply, RenderRequest

if TYPE_CHECKING:
    import mujoco

#: Where each painter lives; a module is imported when its painter is first asked for.
_PAINTERS: dict[str, tuple[str, str]] = {
    "mujoco": ("potstill.envs.rendering.mujoco_painter", "MujocoPainter"),
    "procedural": ("potstill.envs.rendering.procedural_painter", "ProceduralPainter"),
    "randomised": ("potstill.envs.rendering.randomised_painter", "RandomisedPainter"),
}


@dataclass(frozen=True, kw_only=True)
class PainterCapabilities:
    """What a painter makes use of."""

    seed: bool
    """Another ``RenderRequest.seed`` gives another look."""
    prompt: bool
    """``RenderRequest.prompt`` is used; without this capability a prompt is refused."""


@runtime_checkable
class ScenePainter(Protocol):
    """Edits the model before the draw; the picture is the rasteriser's."""

    version: str
    """Names the painter and its behaviour; changes whenever the same request may give other bytes."""
    capabilities: PainterCapabilities

    def edited_scene(self, model: mujoco.MjModel, request: RenderRequest) -> AbstractContextManager[None]:
        """Edit colours, materials, lights and cameras inside the context; leave no trace after it."""


@runtime_checkable
class ImagePainter(Protocol):
    """Makes the picture from geometry: depth, segmentation, prompt and seed."""

    version: str
    capabilities: PainterCapabilities

    def paint_image(self, geometry: RenderReply, request: RenderRequest) -> np.ndarray:
        """(C, H, W, 3) uint8, a pure function of its arguments; ``geometry`` holds depth and segmentation."""


Painter = ScenePainter | ImagePainter


def painter_names() -> tuple[str, ...]:
    """All painters that need no settings, sorted; ``diffusion`` comes with a renderer of its own."""
    return tuple(sorted(_PAINTERS))


def load_painter(name: str) -> Painter:
    """The painter of that name with its default settings.

    Raises:
        ValueError: no such painter (names all there are and the nearest), or one that needs settings.
    """
    if name not in _PAINTERS:
        if name == "diffusion":
            raise ValueError(
                "painter 'diffusion' needs a model: open_scene_renderer(..., diffusion=DiffusionConfig(...))"
            )
        near = difflib.get_close_matches(name, _PAINTERS, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"unknown painter {name!r}: allowed are {', '.join(painter_names())}{hint}")
    module, attribute = _PAINTERS[name]
    return getattr(importlib.import_module(module), attribute)()
