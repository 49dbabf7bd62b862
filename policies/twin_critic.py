"""Two action-value networks of equal shape, computed together."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class TwinCritic(nn.Module):
    """Q1 and Q2: two MLPs with ReLU, and layer norm after each hidden layer if asked for.

    Their weights are stacked (2, out, in), so that each layer is one batched product and every optimiser step
    touches half as many tensors as with two modules.
    """

    def __init__(self, input_size: int, *, hidden: tuple[int, ...], layer_norm: bool) -> None:
        super().__init__()
        self.layer_norm = layer_norm
        sizes = (input_size, *hidden, 1)
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        self.scales = nn.ParameterList()
        self.shifts = nn.ParameterList()
        for fan_in, fan_out in pairwise(sizes):
            bound = 1.0 / math.sqrt(fan_in)  # as torch.nn.Linear
            self.weights.append(nn.Parameter(torch.empty(2, fan_in, fan_out).uniform_(-bound, bound)))
            self.biases.append(nn.Parameter(torch.empty(2, 1, fan_out).uniform_(-bound, bound)))
        for width in hidden if layer_norm else ():
            self.scales.append(nn.Parameter(torch.ones(2, 1, width)))
            self.shifts.append(nn.Parameter(torch.zeros(2, 1, width)))

    def forward(self, observation: Tensor, action: Tensor) -> Tensor:
        """Values (2, N) of states (N, S) and actions (N, A)."""
        inputs = torch.cat((observation, action), dim=-1)
        hidden = inputs.expand(2, *inputs.shape)
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, hidden, weight)
            if index < len(self.weights) - 1:
                if self.layer_norm:
                    hidden = functional.layer_norm(hidden, hidden.shape[-1:])
                    hidden = torch.addcmul(self.shifts[index], hidden, self.scales[index])
                hidden = functional.relu(hidden)
        return hidden.squeeze(-1)
