"""The policy's weights and everything that moves them: optimiser, schedule, precision, average."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from potstill.learners.bc.config import BcConfig
from potstill.learners.bc.losses import LOSSES
from potstill.learners.bc.privileged_readout import PrivilegedReadout
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
        trained = [policy] if readout is None else [policy, readout]
        self._parameters = [parameter for module in trained for parameter in module.parameters()]
        self._config, self._total_steps, self._device = config, total_steps, device
        self._loss = LOSSES[config.loss]
        self._dtype = _AUTOCAST.get(precision)
        self._scaler = torch.amp.GradScaler("cuda", enabled=precision == "fp16")
        kind = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
        self._optimiser = kind(
            self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self._average = {name: tensor.detach().clone() for name, tensor in policy.state_dict().items()}

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then a cosine to 0 at the last step."""
        warmup = min(1.0, (step + 1) / (self._config.warmup_steps + 1))
        return self._config.learning_rate * warmup * 0.5 * (1 + math.cos(math.pi * step / self._total_steps))

    def step(self, batch: Mapping[str, torch.Tensor], number: int) -> torch.Tensor:
        """Take gradient step ``number`` (0-based).

        Returns the detached loss, without the auxiliary one; a GPU may still compute it.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = self.learning_rate(number)
        self._optimiser.zero_grad(set_to_none=True)
        loss, view = self._loss_and_view(batch)
        objective = loss
        if self.readout is not None:
            auxiliary = self.readout.loss(view, batch["privileged"], batch["weight"])
            objective = loss + self._config.privileged_weight * auxiliary
        self._scaler.scale(objective).backward()
        self._scaler.unscale_(self._optimiser)
        nn.utils.clip_grad_norm_(self._parameters, self._config.gradient_clip)
        self._scaler.step(self._optimiser)
        self._scaler.update()
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
        tensors = {f"policy.{name}": tensor for name, tensor in self.policy.state_dict().items()}
        if self._config.ema_decay > 0.0:
            tensors |= {f"average.{name}": tensor for name, tensor in self._average.items()}
        if self.readout is not None:
            tensors |= {f"readout.{name}": tensor for name, tensor in self.readout.state_dict().items()}
        for index, slots in self._optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": tensor for name, tensor in slots.items()}
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
        return arrays, {"scaler": self._scaler.state_dict()}

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """The inverse of ``state``."""
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.policy.load_state_dict(_below("policy.", tensors))
        if self.readout is not None:
            self.readout.load_state_dict(_below("readout.", tensors))
        for name, tensor in _below("average.", tensors).items():
            self._average[name].copy_(tensor)
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _below("optimiser.", tensors).items():
            index, slot = name.split(".")
            slots.setdefault(int(index), {})[slot] = tensor
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": slots, "param_groups": groups})
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(facts["scaler"])

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = self._config.ema_decay
        if decay > 0.0:
            weights = self.policy.state_dict()
            torch._foreach_lerp_(list(self._average.values()), list(weights.values()), 1.0 - decay)


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
