"""The expert's networks as RLlib knows them."""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import InferenceOnlyAPI
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import Tensor

from potstill.policies.sac_networks import SacNetworks

#: What acting does not need; attributes of ``SacNetworks``.
_LEARNER_ONLY = ("critic", "target_critic", "log_alpha")


class SacRLModule(TorchRLModule, InferenceOnlyAPI):
    """Holds ``networks``; an inference-only module has their actor alone.

    ``model_config``: the keyword arguments of ``SacNetworks`` and ``init_seed``, which alone decides the weights at
    the start (the global generators are left as they are).
    """

    networks: SacNetworks
    # RLlib declares them optional.
    observation_space: Any
    action_space: Any
    model_config: Any

    def setup(self) -> None:
        """Build the networks; called by RLlib."""
        settings = dict(self.model_config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.pop("init_seed"))
            self.networks = SacNetworks(
                self.observation_space.shape[0], self.action_space.shape[0], **settings
            )
        if self.inference_only:
            for name in _LEARNER_ONLY:
                delattr(self.networks, name)

    def get_non_inference_attributes(self) -> list[str]:
        """What is left out of the weights that runners get."""
        return [f"networks.{name}" for name in _LEARNER_ONLY]

    def _forward_inference(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        with torch.no_grad():
            mean = self.networks.actor(batch[Columns.OBS])[0]
            return {Columns.ACTIONS: torch.tanh(mean)}

    def _forward_exploration(self, batch: dict[str, Any], **_: Any) -> dict[str, Tensor]:
        observation = batch[Columns.OBS]
        noise = torch.randn(len(observation), self.networks.action_size, device=observation.device)
        with torch.no_grad():
            action = self.networks.actor.sample(observation, noise)[0]
        return {Columns.ACTIONS: action}
