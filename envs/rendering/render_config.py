"""What the student sees: cameras, size, painter and how often a picture is painted rather than warped."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Literal

from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig

#: Two views whose rays cross: together they tell depth (``workspace_cameras.py``).
DEFAULT_CAMERAS: tuple[str, ...] = ("potstill_left", "potstill_right")

#: Every camera of every task: ours first, then Meta-World's own (a test keeps the list equal to the models').
CAMERA_NAMES: tuple[str, ...] = (
    *DEFAULT_CAMERAS,
    "topview",
    "corner",
    "corner2",
    "corner3",
    "corner4",
    "behindGripper",
    "gripperPOV",
)


@dataclass(frozen=True, kw_only=True)
class RenderConfig:
    """The student's eyes; the same in rollouts and evaluation."""

    painter: Literal["mujoco", "randomised", "procedural", "diffusion"] = "mujoco"
    """Turns a scene into pixels: plain RGB, classic domain randomisation, materials and lights by prompts, or images
    generated from depth and prompts (docs/painters.md)."""
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    """The generator, for that painter."""
    prompt_collection: str = "tabletop-v1"
    """For painters that take prompts: a collection's name, or a .jsonl file. Each episode has one prompt of it."""
    prompt_strength: float = 1.0
    """0..1; how strictly such a painter keeps to the scene's geometry, 1 = every edge."""
    renderer: Literal["batch", "mujoco"] = "batch"
    """Draws the scenes: all that wait at once, or MuJoCo's rasteriser one after the other (the reference, for devices
    without OpenGL 4.5). They look alike, but not to the byte."""
    cameras: tuple[str, ...] = DEFAULT_CAMERAS
    """Camera names; each frame holds one picture per camera."""
    size: int = 64
    """Pixels, 16..512; pictures are square."""
    keyframe_interval: int = 1
    """Every k-th step is painted, the steps between are warped by exact geometry; 1 = every step."""
    max_invalid_fraction: float = 1.0
    """0..1; a warped step with more unseen pixels than this is painted instead. 1 = never."""
    look_steps: int = 0
    """At the first keyframe after every so many steps of a rollout the painter gets another seed and prompt, so that
    a look does not tell which episode it is; 0 = one look an episode. An evaluation always has one look an episode."""
    between: Literal["warp", "hold"] = "warp"
    """What a step between keyframes shows: the keyframe moved to where things are now, or (the control without the
    warp) the keyframe as it was."""

    def __post_init__(self) -> None:
        if self.renderer not in ("batch", "mujoco"):
            raise ValueError(f"renderer must be batch or mujoco: got {self.renderer!r}")
        if not self.cameras:
            raise ValueError("cameras must name at least one camera")
        for camera in self.cameras:
            if camera not in CAMERA_NAMES:
                near = difflib.get_close_matches(camera, CAMERA_NAMES, n=1, cutoff=0.3)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"cameras must be among {', '.join(CAMERA_NAMES)}: got {camera!r}{hint}")
        if not 0.0 <= self.prompt_strength <= 1.0:
            raise ValueError(f"prompt_strength must be in 0..1: got {self.prompt_strength}")
        if not 16 <= self.size <= 512:
            raise ValueError(f"size must be in 16..512 pixels: got {self.size}")
        if self.keyframe_interval < 1:
            raise ValueError(f"keyframe_interval must be at least 1: got {self.keyframe_interval}")
        if not 0.0 <= self.max_invalid_fraction <= 1.0:
            raise ValueError(f"max_invalid_fraction must be in [0, 1]: got {self.max_invalid_fraction}")
        if self.look_steps < 0:
            raise ValueError(f"look_steps must be at least 0: got {self.look_steps}")
        if self.between not in ("warp", "hold"):
            raise ValueError(f"between must be warp or hold: got {self.between!r}")

    @property
    def generator(self) -> DiffusionConfig | None:
        """The model that paints; None for the painters without one."""
        return self.diffusion if self.painter == "diffusion" else None

    @property
    def takes_prompts(self) -> bool:
        """Whether the painter is told by a prompt what to paint."""
        return self.painter in ("procedural", "diffusion")
