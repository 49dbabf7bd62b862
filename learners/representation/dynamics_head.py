"""Makes the code useful to predict what an action does; trained beside the transformer, then thrown away."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HIDDEN = 128


class DynamicsHead(nn.Module):
    """From a state, an action and the code of the window to the next state.

    It predicts the change, which is small beside the state. Legend: N windows, L transitions, S state, A action,
    Z code.
    """

    def __init__(self, state_size: int, action_size: int, code_size: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Linear(state_size + action_size + code_size, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, state_size),
        )

    def forward(self, states_NLS: Tensor, actions_NLA: Tensor, code_NZ: Tensor) -> Tensor:
        """The states (N, L, S) after the transitions; states in and out are normalised."""
        code_NLZ = code_NZ[:, None].expand(-1, states_NLS.shape[1], -1)
        return states_NLS + self.change(torch.cat([states_NLS, actions_NLA, code_NLZ], dim=2))
