"""What RLlib's runners of an expert share: the actor's weights, and RLlib's way of setting them."""

from __future__ import annotations

from typing import Any

import ray
import torch
from gymnasium import Space
from ray.rllib.core import COMPONENT_RL_MODULE, DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner

from potstill.policies.gaussian_actor import GaussianActor


class ActorRunner(EnvRunner):
    """Holds an inference-only ``module``; subclasses act with its ``actor``."""

    # RLlib declares them as None or as its own.
    config: Any
    env: Any
    module: Any

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        torch.set_num_threads(self.config.torch_threads)
        self.make_module()

    def make_module(self) -> None:
        """Build the module that acts, with the weights that the learner starts from."""
        self.module = self.config.get_rl_module_spec(spaces=self.get_spaces(), inference_only=True).build()

    @property
    def actor(self) -> GaussianActor:
        """The policy, on the CPU."""
        return self.module.networks.actor

    def get_spaces(self) -> dict[str, tuple[Space, Space]]:
        """Observation and action space, for RLlib."""
        spaces = (self.config.observation_space, self.config.action_space)
        return {INPUT_ENV_SPACES: spaces, DEFAULT_MODULE_ID: spaces}

    def assert_healthy(self) -> None:
        """A runner that was built can act."""

    def get_metrics(self) -> dict[str, Any]:
        """What was logged since the last call."""
        return self.metrics.reduce()

    def get_state(self, components: Any = None, *, not_components: Any = None, **_: Any) -> dict[str, Any]:
        """The weights, unless RLlib asks for something else."""
        asked = components is None or COMPONENT_RL_MODULE in str(components)
        refused = not_components is not None and COMPONENT_RL_MODULE in str(not_components)
        if refused or not asked:
            return {}
        return {COMPONENT_RL_MODULE: {DEFAULT_MODULE_ID: self.module.get_state(inference_only=True)}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over the learner's weights, if there are any in ``state``."""
        weights = state.get(COMPONENT_RL_MODULE)
        if isinstance(weights, ray.ObjectRef):
            weights = ray.get(weights)
        if weights:
            self.module.set_state(weights[DEFAULT_MODULE_ID])
