"""An expert's actor, ready to leave; of any form, our own SAC's or a converted one's."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from potstill.policies.expert_file import ExpertFile
from potstill.policies.export_module import ExportModule


class ExpertExport(ExportModule):
    """``ExpertPolicy``, in double precision as it is there, so that labels agree: privileged observation to action."""

    outputs = ("action", "mean", "log_std")

    def __init__(self, file: ExpertFile) -> None:
        super().__init__()
        self._file = file
        modules: list[nn.Module] = []
        for weight, bias in file.layers:
            linear = nn.Linear(weight.shape[0], bias.size, dtype=torch.float64)
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(weight.T))
                linear.bias.copy_(torch.from_numpy(bias))
            modules += [linear, nn.Tanh() if file.form.activation == "tanh" else nn.ReLU()]
        self.trunk = nn.Sequential(*modules[:-1])
        self.eval().requires_grad_(False)

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, S) float32 to action in [-1, 1], mean before the squashing and log standard deviation, (N, A) each."""
        form = self._file.form
        mean, raw = self.trunk(observation.double()).chunk(2, dim=1)
        action = torch.tanh(mean) if form.squash == "tanh" else mean.clamp(-1.0, 1.0)
        low, high = form.log_std_min, form.log_std_max
        if form.log_std == "clipped":
            log_std = raw.clamp(low, high)
        else:
            log_std = low + 0.5 * (high - low) * (torch.tanh(raw) + 1.0)
        return action.float(), mean.float(), log_std.float()

    def examples(self, rng: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
        """Normal numbers: positions are within a metre or so."""
        return {"observation": rng.normal(size=(rows, self._file.observation_size)).astype(np.float32)}

    def facts(self) -> dict[str, Any]:
        """Task, robot, model, how good it is and what the observation means."""
        facts = self._file.facts
        names = ("task", "robot", "model_hash", "success_rate", "eval_episodes")
        sizes = ("action_size", "action_repeat", "observation_layout")
        return {"what": "expert", **{name: getattr(facts, name) for name in (*names, *sizes)}}
