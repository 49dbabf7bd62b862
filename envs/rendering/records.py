"""What goes to a scene renderer and what comes back; plain arrays, ready for the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class SceneState:
    """Where everything is at one instant: enough to draw the scene without simulating it."""

    body_pos: np.ndarray
    """(B, 3) float64 m: world positions, MuJoCo body order."""
    body_quat: np.ndarray
    """(B, 4) float64 (w, x, y, z)."""
    site_pos: np.ndarray
    """(G, 3) float64 m: world positions of all sites (Meta-World moves goal sites at run time)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RenderRequest:
    """One scene to draw from every camera. The reply is a pure function of it and the painter's version."""

    task: str
    """Meta-World task name; chooses the model."""
    scene: SceneState
    cameras: tuple[str, ...]
    size: int
    """Pixels; images are square."""
    robot: str = "sawyer"
    """The arm; chooses the model together with the task."""
    painter: str = "mujoco"
    seed: int = 0
    """Seeds the painter (look of the scene); ignored by ``mujoco``."""
    prompt: Mapping[str, str] = field(default_factory=dict)
    """What to paint, by region (``experience/prompt_collection.py``), with ``light`` and ``negative``."""
    strength: float = 1.0
    """0..1: how strictly a prompt painter keeps to the scene's geometry; 1 keeps every edge, lower lets edges and
    colours go astray. Painters without prompts ignore it."""
    paint: bool = True
    """False: no RGB (geometry for warping only). Image painters are not called; scene painters may still move
    the cameras, so that geometry and picture agree."""
    geometry: bool = False
    """True: also metric depth and body segmentation."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RenderReply:
    """Pictures of one scene. Legend: C cameras, H x W pixels, row 0 at the top, upright."""

    rgb: np.ndarray | None
    """(C, H, W, 3) uint8, or None when not asked for."""
    depth: np.ndarray | None
    """(C, H, W) float32 m along the optical axis; the far plane where nothing is hit."""
    segmentation: np.ndarray | None
    """(C, H, W) int16 body id; -1 where nothing is hit."""
    camera_pose: np.ndarray
    """(C, 12) float32: world position (3) and row-major rotation matrix (9); MuJoCo axes (-z looks, y up),
    after the upright correction, so that pixel row 0 is +y."""
    fovy: np.ndarray
    """(C,) float32 degrees."""
    painter_version: str


def to_message(record: RenderRequest | RenderReply) -> dict[str, Any]:
    """A nested dict of arrays and scalars for the wire."""
    message = dict(vars(record))
    if isinstance(record, RenderRequest):
        message["scene"] = dict(vars(record.scene))
        message["cameras"] = list(record.cameras)
        message["prompt"] = dict(record.prompt)
    return message


def request_from_message(message: Mapping[str, Any]) -> RenderRequest:
    """The inverse of ``to_message`` for a request."""
    scene = SceneState(**message["scene"])
    return RenderRequest(**{**message, "scene": scene, "cameras": tuple(message["cameras"])})


def reply_from_message(message: Mapping[str, Any]) -> RenderReply:
    """The inverse of ``to_message`` for a reply."""
    return RenderReply(**message)
