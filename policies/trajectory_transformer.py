"""The trajectory transformer: from what happened lately to a code of the task."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from potstill.policies.encoder_layer import EncoderLayer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig
from potstill.policies.window_tensors import WindowTensors

#: Normalised values beyond this many standard deviations are cut.
_CLIP = 10.0
_INITIAL_SCALE = 0.1


class TransformerOutput(NamedTuple):
    """What the transformer makes of N windows. Values are normalised, as its input is."""

    states: Tensor
    """(N, K, S) reconstructed."""
    actions: Tensor
    """(N, K - 1, A) reconstructed."""
    rewards: Tensor
    """(N, K - 1) reconstructed."""
    code: Tensor
    """(N, Z) task code."""
    state_embedding: Tensor
    """(N, W) the newest state in its context."""
    whole: Tensor
    """(N, W) the token that stands for the whole, of which the code is made."""


class TrajectoryTransformer(nn.Module):
    """A bidirectional encoder over states, actions and rewards, with a token that stands for the whole.

    ::

        s0 a0 r0  s1 a1 r1  ...  s(K-1)  CLS      3K - 1 tokens; a time step's three share one position
           |          encoder layers, padding unseen         |
        s' a' r'  (reconstruction)                          code

    Legend: N windows, K states, S state, A action, T tokens, W width, Z code. The normaliser is part of the
    checkpoint: whoever loads it feeds raw windows to ``encode``.
    """

    state_mean: Tensor
    state_std: Tensor
    reward_mean: Tensor
    reward_std: Tensor

    def __init__(self, config: TrajectoryTransformerConfig, *, state_size: int, action_size: int) -> None:
        """Random weights from torch's global generator; the normaliser starts as the identity."""
        super().__init__()
        self.config, self.state_size, self.action_size = config, state_size, action_size
        self.register_buffer("state_mean", torch.zeros(state_size))
        self.register_buffer("state_std", torch.ones(state_size))
        self.register_buffer("reward_mean", torch.zeros(()))
        self.register_buffer("reward_std", torch.ones(()))
        width = config.width
        self.embed_state = nn.Sequential(nn.Linear(state_size, width), nn.LayerNorm(width))
        self.embed_action = nn.Sequential(nn.Linear(action_size, width), nn.LayerNorm(width))
        self.embed_reward = nn.Sequential(nn.Linear(1, width), nn.LayerNorm(width))
        self.position = nn.Parameter(_INITIAL_SCALE * torch.randn(config.window, width))
        self.whole = nn.Parameter(_INITIAL_SCALE * torch.randn(width))
        self.layers = nn.ModuleList(
            EncoderLayer(width, heads=config.heads, feedforward=config.feedforward, dropout=config.dropout)
            for _ in range(config.layers)
        )
        self.state_head = nn.Linear(width, state_size)
        self.action_head = nn.Linear(width, action_size)
        self.reward_head = nn.Linear(width, 1)
        self.code_head = nn.Linear(width, config.code_size)

    def set_normaliser(
        self, state_mean: Tensor, state_std: Tensor, reward_mean: Tensor, reward_std: Tensor
    ) -> None:
        """Statistics of the training data, (S,), (S,), () and (); what is constant is left unscaled."""
        self.state_mean.copy_(state_mean)
        self.state_std.copy_(torch.where(state_std > 1e-4, state_std, torch.ones_like(state_std)))
        self.reward_mean.copy_(reward_mean)
        self.reward_std.copy_(torch.where(reward_std > 1e-4, reward_std, torch.ones_like(reward_std)))

    def normalise(self, windows: WindowTensors) -> WindowTensors:
        """States and rewards to zero mean and unit variance; actions are in [-1, 1] already. Padding becomes 0."""
        states = ((windows.states - self.state_mean) / self.state_std).clamp(-_CLIP, _CLIP)
        rewards = ((windows.rewards - self.reward_mean) / self.reward_std).clamp(-_CLIP, _CLIP)
        moved = windows.valid_transitions
        return WindowTensors(
            states * windows.valid[..., None],
            windows.actions * moved[..., None],
            rewards * moved,
            windows.valid,
        )

    def forward(self, normalised: WindowTensors) -> TransformerOutput:
        """Everything about normalised windows, which a training may have masked.

        Raises:
            ValueError: the windows have another length than the configuration says.
        """
        tokens_NTW, valid_NT = self._embed(normalised)
        for layer in self.layers:
            tokens_NTW = layer(tokens_NTW, tokens_NTW, valid_NT)
        steps_NK3W = tokens_NTW[:, :-2].unflatten(1, (-1, 3))
        newest_NW, whole_NW = tokens_NTW[:, -2], tokens_NTW[:, -1]
        states_NKW = torch.cat([steps_NK3W[:, :, 0], newest_NW[:, None]], dim=1)
        return TransformerOutput(
            states=self.state_head(states_NKW),
            actions=self.action_head(steps_NK3W[:, :, 1]),
            rewards=self.reward_head(steps_NK3W[:, :, 2]).squeeze(-1),
            code=self.code_head(whole_NW),
            state_embedding=newest_NW,
            whole=whole_NW,
        )

    def encode(self, windows: WindowTensors) -> Tensor:
        """The codes (N, Z) of raw windows, without the work that only the reconstruction needs.

        Raises:
            ValueError: the windows have another length than the configuration says.
        """
        tokens_NTW, valid_NT = self._embed(self.normalise(windows))
        for layer in self.layers[:-1]:
            tokens_NTW = layer(tokens_NTW, tokens_NTW, valid_NT)
        whole_N1W = self.layers[-1](tokens_NTW[:, -1:], tokens_NTW, valid_NT)
        return self.code_head(whole_N1W[:, 0])

    def _embed(self, windows: WindowTensors) -> tuple[Tensor, Tensor]:
        """Tokens (N, T, W) in their order, and which of them are not padding (N, T)."""
        count, length, _ = windows.states.shape
        if length != self.config.window:
            raise ValueError(f"windows must hold {self.config.window} states: got {length}")
        states_NKW = self.embed_state(windows.states) + self.position
        actions_NKW = self.embed_action(windows.actions) + self.position[:-1]
        rewards_NKW = self.embed_reward(windows.rewards[..., None]) + self.position[:-1]
        steps_NK3W = torch.stack([states_NKW[:, :-1], actions_NKW, rewards_NKW], dim=2)
        whole_N1W = self.whole.expand(count, 1, -1)
        tokens_NTW = torch.cat([steps_NK3W.flatten(1, 2), states_NKW[:, -1:], whole_N1W], dim=1)
        steps_NT = windows.valid_transitions.repeat_interleave(3, dim=1)
        return tokens_NTW, torch.cat([steps_NT, windows.valid.new_ones(count, 2)], dim=1)
