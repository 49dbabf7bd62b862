"""The policy's weights and everything that moves them: loss, gradient descent, precision, average."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.losses import LOSSES
from potstill.learners.bc.privileged_readout import PrivilegedReadout
from potstill.learners.gradient_descent import GradientDescent
from potstill.policies.pixel_policy import PixelPolicy

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Optimisation:
    """One gradient step at a time; its whole state goes to arrays and back, bit for bit."""

    def __init__(
        self,
        policy: PixelPolicy,
        config: BcConfig,
        *,
        total_steps: int,
        device: torch.device,
        readout: PrivilegedReadout | None = None,
    ) -> None:
        """Take over ``policy`` and ``readout``, already on ``device``.

        Raises:
            ValueError: loss and head do not fit, or fp16 without a GPU.
        """
        if config.loss == "nll" and policy.config.head != "gaussian":
            raise ValueError(f"loss 'nll' needs policy.head 'gaussian': got {policy.config.head!r}")
        precision = config.precision
        if precision == "auto":
            precision = "bf16" if device.type == "cuda" else "fp32"
        if precision == "fp16" and device.type != "cuda":
            raise ValueError(
                f"precision 'fp16' needs device 'cuda': got {device.type!r}; use fp32, bf16 or auto"
            )
        self.policy, self.readout = policy, readout
        modules: dict[str, nn.Module] = {"policy": policy}
        if readout is not None:
            modules["readout"] = readout
        self._descent = GradientDescent(
            modules,
            learning_rate=config.learning_rate,
            warmup_steps=config.warmup_steps,
            weight_decay=config.weight_decay,
            gradient_clip=config.gradient_clip,
            total_steps=total_steps,
            optimiser=config.optimiser,
        )
        self._config, self._device = config, device
        self._loss = LOSSES[config.loss]
        self._dtype = _AUTOCAST.get(precision)
        self._scaler = torch.amp.GradScaler("cuda", enabled=precision == "fp16")
        self._average = {name: tensor.detach().clone() for name, tensor in policy.state_dict().items()}

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a cosine to 0 at the last step."""
        return self._descent.learning_rate(step)

    def step(self, batch: Mapping[str, torch.Tensor], number: int) -> torch.Tensor:
        """Take gradient step ``number`` (0-based).

        Returns the detached loss, without the auxiliary one; a GPU may still compute it.
        """
        loss, view = self._loss_and_view(batch)
        objective = loss
        if self.readout is not None:
            auxiliary = self.readout.loss(view, batch["privileged"], batch["weight"])
            objective = loss + self._config.privileged_weight * auxiliary
        self._descent.descend(objective, number, scaler=self._scaler)
        self._update_average()
        return loss.detach()

    def loss(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The scalar loss of a batch on the device."""
        return self._loss_and_view(batch)[0]

    def _loss_and_view(self, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=self._dtype is not None):
            view = self.policy.view(batch["frames"])
            output = self.policy.decide(view, batch["proprio"])
        return self._loss(output, batch["expert_action"], batch["weight"])[0], view.float()

    @contextmanager
    def averaged(self) -> Iterator[PixelPolicy]:
        """The policy with the averaged weights (the last ones without averaging) inside the block."""
        if self._config.ema_decay == 0.0:
            yield self.policy
            return
        last = {name: tensor.clone() for name, tensor in self.policy.state_dict().items()}
        self.policy.load_state_dict(self._average)
        try:
            yield self.policy
        finally:
            self.policy.load_state_dict(last)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and JSON facts from which ``restore`` continues exactly."""
        arrays = self._descent.state()
        if self._config.ema_decay > 0.0:
            arrays |= {f"average.{name}": tensor.cpu().numpy() for name, tensor in self._average.items()}
        return arrays, {"scaler": self._scaler.state_dict()}

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """The inverse of ``state``."""
        self._descent.restore(arrays)
        if self._config.ema_decay > 0.0:
            for name, tensor in self._average.items():
                tensor.copy_(torch.from_numpy(arrays[f"average.{name}"]))
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(facts["scaler"])

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = self._config.ema_decay
        if decay > 0.0:
            weights = self.policy.state_dict()
            torch._foreach_lerp_(list(self._average.values()), list(weights.values()), 1.0 - decay)
