"""A pixel student, ready to leave."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from potstill.policies.expert_facts import METAWORLD_LAYOUT
from potstill.policies.export_module import ExportModule
from potstill.policies.pixel_policy import PixelPolicy

#: What proprioception of this many numbers is (``StudentState`` of the rollouts).
_LAYOUTS = {4: "hand xyz m, gripper opening 0..1", 39: METAWORLD_LAYOUT}


class PixelExport(ExportModule):
    """Pictures and proprioception to the action; one without encoders asks for no pictures."""

    def __init__(self, policy: PixelPolicy) -> None:
        """Take over ``policy`` (on the CPU)."""
        super().__init__()
        self.policy = policy
        self.outputs = ("action", "log_std") if policy.config.head == "gaussian" else ("action",)
        self.eval().requires_grad_(False)

    def forward(self, proprio: Tensor, frames: Tensor | None = None) -> tuple[Tensor, ...]:
        """(B, K, P) float32 and (B, K, C, H, W, 3) uint8 to action, and log_std (B, A) of a Gaussian head."""
        blind = proprio.new_zeros(proprio.shape[0], 0)
        view = blind if frames is None else self.policy.view(frames)
        output = self.policy.decide(view, proprio)
        return (output.mean,) if output.log_std is None else (output.mean, output.log_std)

    def examples(self, rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        """Noise for pictures; proprioception spread as the training data was."""
        shape, stack = self.policy.shape, self.policy.config.frame_stack
        spread = rng.normal(size=(rows, stack, shape.proprio))
        proprio = self.policy.proprio_mean.numpy() + self.policy.proprio_std.numpy() * spread
        inputs: dict[str, np.ndarray] = {"proprio": proprio.astype(np.float32)}
        if self.policy.encoders:
            size = (rows, stack, shape.cameras, shape.height, shape.width, 3)
            inputs["frames"] = rng.integers(0, 256, size, dtype=np.uint8)
        return inputs

    def facts(self) -> dict[str, Any]:
        """Sizes of what it sees; whose pictures they are is not in a checkpoint."""
        shape, config = self.policy.shape, self.policy.config
        return {
            "what": "pixel student",
            "action_size": shape.actions,
            "frame_stack": config.frame_stack,
            "cameras": {"count": shape.cameras, "height": shape.height, "width": shape.width},
            "observation_layout": _LAYOUTS.get(shape.proprio, f"unknown, {shape.proprio} numbers"),
        }
