"""The optimiser of some networks: schedule, clipping, and a state that goes to arrays and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from torch import nn

from potstill.learners.training_config import TrainingConfig

_OPTIMISER = "optimiser"


class GradientDescent:
    """One gradient step at a time on all parameters of ``modules``; its whole state is data, bit for bit.

    ::

        for number in range(total_steps):  descent.descend(loss of a batch, number)
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        *,
        learning_rate: float,
        warmup_steps: int,
        weight_decay: float,
        gradient_clip: float,
        total_steps: int,
        optimiser: Literal["adamw", "adam"] = "adamw",
    ) -> None:
        """Take over ``modules``, already on their device; their names prefix the arrays of ``state``.

        Args:
            modules: By name, without a dot and not ``optimiser``; frozen parameters (requires_grad False) stay.
            learning_rate: Peak.
            warmup_steps: Steps of linear rise.
            weight_decay: Decoupled with adamw.
            gradient_clip: Largest norm over all parameters.
            total_steps: At which the rate is 0.
            optimiser: Its kind.
        """
        if any("." in name or name == _OPTIMISER for name in modules):
            raise ValueError(
                f"names of modules must have no dot and not be {_OPTIMISER!r}: got {', '.join(modules)}"
            )
        self._modules = dict(modules)
        self._parameters = [
            parameter
            for module in modules.values()
            for parameter in module.parameters()
            if parameter.requires_grad
        ]
        self._peak, self._warmup, self._total = learning_rate, warmup_steps, total_steps
        self._clip = gradient_clip
        kind = torch.optim.AdamW if optimiser == "adamw" else torch.optim.Adam
        self._optimiser = kind(self._parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)
        self._unscaled = torch.amp.GradScaler("cuda", enabled=False)

    @classmethod
    def configured(cls, modules: Mapping[str, nn.Module], training: TrainingConfig) -> GradientDescent:
        """With the settings that learners share; see ``__init__``."""
        return cls(
            modules,
            learning_rate=training.learning_rate,
            warmup_steps=training.warmup_steps,
            weight_decay=training.weight_decay,
            gradient_clip=training.gradient_clip,
            total_steps=training.gradient_steps,
        )

    def learning_rate(self, number: int) -> float:
        """Of step ``number`` (0-based): linear warm-up, then a cosine to 0 at the last step."""
        warmup = min(1.0, (number + 1) / (self._warmup + 1))
        return self._peak * warmup * 0.5 * (1 + math.cos(math.pi * number / self._total))

    def descend(self, loss: torch.Tensor, number: int, *, scaler: torch.amp.GradScaler | None = None) -> None:
        """Take gradient step ``number`` (0-based) down the scalar ``loss``; ``scaler`` is for half precision."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.learning_rate(number)
        self._optimiser.zero_grad(set_to_none=True)
        scaler = scaler or self._unscaled
        scaler.scale(loss).backward()
        scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self._parameters, self._clip)
        scaler.step(self._optimiser)
        scaler.update()

    def state(self) -> dict[str, np.ndarray]:
        """Arrays from which ``restore`` continues exactly: NAME.parameter and optimiser.INDEX.slot."""
        tensors = {
            f"{prefix}.{name}": tensor
            for prefix, module in self._modules.items()
            for name, tensor in module.state_dict().items()
        }
        for index, slots in self._optimiser.state_dict()["state"].items():
            tensors |= {f"{_OPTIMISER}.{index}.{name}": tensor for name, tensor in slots.items()}
        return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The inverse of ``state``; arrays of other names are left alone."""
        for prefix, module in self._modules.items():
            module.load_state_dict(_below(prefix, arrays))
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _below(_OPTIMISER, arrays).items():
            index, slot = name.split(".")
            slots.setdefault(int(index), {})[slot] = tensor
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": slots, "param_groups": groups})


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    start = f"{prefix}."
    return {
        name[len(start) :]: torch.from_numpy(array)
        for name, array in arrays.items()
        if name.startswith(start)
    }
