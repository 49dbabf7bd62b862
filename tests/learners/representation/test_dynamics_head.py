"""The head predicts the next state of each transition from its own state, its own action and the code."""

from __future__ import annotations

import torch

from potstill.learners.representation.dynamics_head import DynamicsHead


def _head() -> DynamicsHead:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return DynamicsHead(3, 2, 4)


def test_a_head_that_knows_nothing_predicts_that_nothing_changes():
    head = _head()
    torch.nn.init.zeros_(head.change[-1].weight)
    torch.nn.init.zeros_(head.change[-1].bias)
    states = torch.randn(5, 7, 3)
    assert torch.equal(head(states, torch.randn(5, 7, 2), torch.randn(5, 4)), states)


def test_a_transition_depends_on_its_own_state_and_action_and_all_of_them_on_the_code():
    head, states, actions, code = _head(), torch.randn(1, 3, 3), torch.randn(1, 3, 2), torch.randn(1, 4)
    before = head(states, actions, code)
    pushed = actions.clone()
    pushed[0, 1] += 1.0
    assert (head(states, pushed, code) != before).any(dim=2).tolist() == [[False, True, False]]
    assert (head(states, actions, code + 1.0) != before).any(dim=2).all()


def test_it_learns_dynamics_that_depend_on_the_code():
    """A task doubles or undoes what an action does; without the code the best error is the action's variance."""
    head, generator = _head(), torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(head.parameters(), 2e-2)
    for _ in range(150):
        states = torch.randn(64, 2, 3, generator=generator)
        actions = torch.randn(64, 2, 2, generator=generator)
        code = torch.randint(0, 2, (64, 1), generator=generator).float() * 2.0 - 1.0
        target = states + torch.nn.functional.pad(actions, (0, 1)) * code[:, None]
        loss = (head(states, actions, code.expand(-1, 4)) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1
