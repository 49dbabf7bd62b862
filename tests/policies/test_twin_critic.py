from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from potstill.policies.twin_critic import TwinCritic


@pytest.mark.parametrize("layer_norm", [False, True])
def test_each_twin_is_the_plain_network_of_its_own_weights(layer_norm):
    torch.manual_seed(0)
    critic = TwinCritic(7, hidden=(16, 8), layer_norm=layer_norm)
    states, actions = torch.randn(5, 4), torch.randn(5, 3)
    values = critic(states, actions)
    for twin in (0, 1):
        hidden = torch.cat((states, actions), -1)
        for index in range(3):
            hidden = hidden @ critic.weights[index][twin] + critic.biases[index][twin]
            if index < 2 and layer_norm:
                hidden = functional.layer_norm(hidden, hidden.shape[-1:])
                hidden = hidden * critic.scales[index][twin] + critic.shifts[index][twin]
            if index < 2:
                hidden = hidden.clamp(min=0)
        torch.testing.assert_close(values[twin], hidden.squeeze(-1))


def test_the_twins_start_different():
    critic = TwinCritic(4, hidden=(16,), layer_norm=True)
    values = critic(torch.randn(3, 2), torch.randn(3, 2))
    assert not torch.equal(values[0], values[1])
