"""One gradient update of soft actor-critic, with nothing around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from potstill.learners.sac.config import SacConfig
from potstill.learners.sac.losses import (
    actor_loss,
    bellman_target,
    critic_loss,
    soft_value,
    temperature_loss,
)
from potstill.learners.sac.shaping import potential
from potstill.policies.sac_networks import SacNetworks


class SacUpdater:
    """Owns the three optimisers of ``networks`` and the count of updates; draws its noise from its own generator.

    Args:
        networks: Trained in place.
        config: Losses' constants and learning rates.
        seed: Of the actions that are sampled inside the losses.
        potential_weight: Of the potential that a batch's advice stands for.
    """

    def __init__(
        self, networks: SacNetworks, config: SacConfig, *, seed: int, potential_weight: float = 0.0
    ) -> None:
        self.networks = networks
        self._potential_weight = potential_weight
        self.config = config
        self.updates = 0
        self._device = networks.log_alpha.device
        self._generator = torch.Generator(device=self._device).manual_seed(seed)
        self._actor_parameters: list[Tensor] = [*networks.actor.parameters()]
        self._critic_parameters: list[Tensor] = [*networks.critic.parameters()]
        self._target_parameters: list[Tensor] = [*networks.target_critic.parameters()]
        self.actor_optimizer = _adam(self._actor_parameters, config.actor_learning_rate)
        self.critic_optimizer = _adam(self._critic_parameters, config.critic_learning_rate)
        self.alpha_optimizer = _adam([networks.log_alpha], config.alpha_learning_rate)

    def update(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One critic update and, every ``actor_every``-th time, one of actor and temperature.

        Args:
            batch: ``observation`` and ``next_observation`` (B, S), ``action`` (B, A), ``reward`` and
                ``terminated`` (B,), all float32 on the networks' device; ``advice`` (B, 4A) with a potential.

        Returns:
            Scalars by name, not yet read from the device: ``critic_loss`` and ``q_mean``, and after an update of
            the actor also ``actor_loss``, ``alpha`` and ``entropy``.
        """
        metrics = self._update_critic(batch)
        if self.updates % self.config.actor_every == 0:
            metrics |= self._update_actor(batch)
        if self.updates % self.config.target_every == 0:
            with torch.no_grad():
                torch._foreach_lerp_(self._target_parameters, self._critic_parameters, self.config.tau)
        self.updates += 1
        return metrics

    def state_dict(self) -> dict[str, Any]:
        """Optimisers, counter and generator; the networks keep their own state."""
        return {
            "updates": self.updates,
            "generator": self._generator.get_state(),
            "actor": self.actor_optimizer.state_dict(),
            "critic": self.critic_optimizer.state_dict(),
            "alpha": self.alpha_optimizer.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of ``state_dict``."""
        self.updates = int(state["updates"])
        self._generator.set_state(state["generator"])
        self.actor_optimizer.load_state_dict(state["actor"])
        self.critic_optimizer.load_state_dict(state["critic"])
        self.alpha_optimizer.load_state_dict(state["alpha"])

    def _update_critic(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        networks = self.networks
        with torch.no_grad():
            next_action, log_density = networks.actor.sample(
                batch["next_observation"], self._noise(batch["action"])
            )
            next_q = networks.target_critic(batch["next_observation"], next_action)
            next_q = self._advised(next_q, batch, next_action, after=True)
            next_value = soft_value(next_q, log_density, networks.log_alpha.exp())
            target = bellman_target(
                batch["reward"], batch["terminated"], next_value, discount=self.config.discount
            )
        q = networks.critic(batch["observation"], batch["action"])
        q = self._advised(q, batch, batch["action"], after=False)
        loss = critic_loss(q, target)
        _step(self.critic_optimizer, self._critic_parameters, loss)
        return {"critic_loss": loss.detach(), "q_mean": q.detach().mean()}

    def _update_actor(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        networks, observation = self.networks, batch["observation"]
        alpha = networks.log_alpha.detach().exp()
        noise = torch.empty(len(observation), networks.action_size, device=self._device)
        action, log_density = networks.actor.sample(observation, self._noise(noise))
        q = self._advised(networks.critic(observation, action), batch, action, after=False)
        loss = actor_loss(q, log_density, alpha)
        _step(self.actor_optimizer, self._actor_parameters, loss)
        temperature = temperature_loss(
            networks.log_alpha, log_density, target_entropy=self.config.target_entropy
        )
        _step(self.alpha_optimizer, [networks.log_alpha], temperature)
        return {"actor_loss": loss.detach(), "alpha": alpha, "entropy": -log_density.detach().mean()}

    def _advised(self, q: Tensor, batch: Mapping[str, Tensor], action: Tensor, *, after: bool) -> Tensor:
        """Q + Phi where there is a potential; then the critics learn only what it does not say already."""
        if "advice" not in batch:
            return q
        return q + potential(batch["advice"], action, weight=self._potential_weight, after=after)

    def _noise(self, like: Tensor) -> Tensor:
        return torch.empty_like(like).normal_(generator=self._generator)


def _adam(parameters: list[Tensor], learning_rate: float) -> torch.optim.Adam:
    # One kernel for all tensors: the small ones would otherwise cost more in calls than in arithmetic.
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True)


def _step(optimizer: torch.optim.Adam, parameters: list[Tensor], loss: Tensor) -> None:
    # Gradients of these parameters alone: an actor's loss goes through the critic without touching its weights.
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()
