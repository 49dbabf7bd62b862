"""Which generator paints, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

#: That sampler chooses among the steps it was distilled from.
_MAX_LCM_STEPS = 50
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class DiffusionConfig:
    """A Stable Diffusion model with a depth ControlNet. Used only where ``render.painter`` is ``diffusion``."""

    model: str = "stabilityai/sdxl-turbo"
    """A folder as diffusers saves it, or the name of one in this machine's Hugging Face cache: SD 1.5, SD 2.1 and
    SD-Turbo, SDXL and SDXL-Turbo. Nothing is downloaded."""
    controlnet: str = "diffusers/controlnet-depth-sdxl-1.0"
    """The depth ControlNet made for that family of models; a folder or a name, as above."""
    steps: int = 7
    """Denoising steps of a picture, 1..100 (``lcm``: 1..50). Turbo models need 1 to 8; others 20 or more."""
    sampler: Literal["model", "lcm"] = "lcm"
    """The scheduler that comes with the model, or the sampler of latent consistency models (for few steps)."""
    guidance: float = 1.0
    """1..20; above 1 the prompt is exaggerated away from the prompt's ``negative``, which is not heeded at 1. Turbo
    models want 1."""
    control_scale: float = 0.8
    """0..2: weight of the ControlNet at ``render.prompt_strength`` 1; less strength takes its share of it."""
    foreground_strength: float = 1.0
    """0.01..10: weight of the prompts of table and robot against the others where regions overlap."""
    object_strength: float = 1.5
    """The same for objects and goal markers."""
    background_strength: float = 0.7
    """The same for the background."""
    mask_growth: int = 6
    """0..64 pixels of the generated picture by which each region reaches into its neighbours."""
    size: int = 512
    """Side of the generated picture in pixels, 16..1024; a multiple of what the model's layers need (64 for the usual
    ones). It is then made as small as ``render.size``."""
    batch: int = 8
    """Pairs of picture and prompt in each forward call, 1..256. The last call of several is filled up, because the
    bytes of a picture may depend on this number (and on nothing else in the batch)."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: the GPU if the worker sees one (``pools.render_gpus``), else the CPU."""
    dtype: Literal["auto", "float16", "float32"] = "auto"
    """auto: float16 on a GPU, float32 on a CPU."""
    pinned: str = ""
    """sha256 of the model's and the ControlNet's files; filled in when a run starts, and checked from then on."""

    def __post_init__(self) -> None:
        limits = {
            "steps": (1, 100),
            "guidance": (1.0, 20.0),
            "control_scale": (0.0, 2.0),
            "foreground_strength": (0.01, 10.0),
            "object_strength": (0.01, 10.0),
            "background_strength": (0.01, 10.0),
            "mask_growth": (0, 64),
            "size": (16, 1024),
            "batch": (1, 256),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low:g}..{high:g}: got {getattr(self, name)}")
        for name in ("model", "controlnet"):
            if not getattr(self, name):
                raise ValueError(f"{name} must be a folder or a name: got an empty text")
        for name, allowed in (
            ("sampler", ("model", "lcm")),
            ("device", ("auto", "cpu", "cuda")),
            ("dtype", ("auto", "float16", "float32")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}: got {getattr(self, name)!r}")
        if self.sampler == "lcm" and self.steps > _MAX_LCM_STEPS:
            raise ValueError(f"steps must be in 1..{_MAX_LCM_STEPS} with sampler lcm: got {self.steps}")
        if self.dtype == "float16" and self.device == "cpu":
            raise ValueError("dtype must be float32 on a CPU: got float16 with device cpu")
        if self.pinned and not _SHA256.fullmatch(self.pinned):
            raise ValueError(f"pinned must be a sha256 (it is filled in by potstill): got {self.pinned!r}")
