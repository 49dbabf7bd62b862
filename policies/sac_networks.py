"""All that soft actor-critic learns, in one module."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from potstill.policies.gaussian_actor import GaussianActor
from potstill.policies.twin_critic import TwinCritic


class SacNetworks(nn.Module):
    """Actor, twin critic, the critic's slow copy and the temperature of one expert.

    Args:
        observation_size: S.
        action_size: A.
        hidden: Widths of the hidden layers of actor and critics.
        layer_norm: In the critics.
        log_std_min: Lower bound of the policy's log standard deviation.
        initial_alpha: Temperature at the start.
    """

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        *,
        hidden: tuple[int, ...],
        layer_norm: bool,
        log_std_min: float,
        initial_alpha: float,
    ) -> None:
        super().__init__()
        self.observation_size = observation_size
        self.action_size = action_size
        self.hidden = tuple(hidden)
        self.actor = GaussianActor(observation_size, action_size, hidden=hidden, log_std_min=log_std_min)
        self.critic = TwinCritic(observation_size + action_size, hidden=hidden, layer_norm=layer_norm)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
        self.log_alpha = nn.Parameter(torch.tensor(math.log(initial_alpha), dtype=torch.float32))
