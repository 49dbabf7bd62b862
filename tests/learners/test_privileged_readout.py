"""The auxiliary loss teaches the encoders where things are, and is no part of the student."""

from __future__ import annotations

import pytest
import torch

from potstill.learners.bc.privileged_readout import PrivilegedReadout
from potstill.policies.policy_checkpoint import load_policy


def readout(std=(1.0, 2.0, 0.0)) -> PrivilegedReadout:
    made = PrivilegedReadout(2, mean=torch.tensor([0.0, 1.0, 5.0]), std=torch.tensor(std))
    with torch.no_grad():
        made.linear.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]))
        made.linear.bias.zero_()
    return made


def test_the_loss_is_the_one_computed_by_hand():
    view = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    privileged = torch.tensor([[3.0, 1.0, 5.0], [0.0, 1.0, 5.0]], dtype=torch.float64)
    # First row: (1 - 3)^2 and (0 - 0)^2; second: 0 and (2 - 0)^2; the constant third number is left out.
    loss = readout().loss(view, privileged, torch.tensor([1.0, 3.0]))
    assert loss.item() == pytest.approx((1.0 * 2.0 + 3.0 * 2.0) / 4.0)
    loss = readout().loss(view, privileged * torch.tensor([0.0, 1.0, 1.0]), torch.tensor([1.0, 3.0]))
    assert loss.item() == pytest.approx((1.0 * 0.5 + 3.0 * 2.0) / 4.0)


def test_a_state_that_never_varies_costs_nothing():
    loss = readout(std=(0.0, 0.0, 0.0)).loss(torch.ones(1, 2), torch.ones(1, 3), torch.ones(1))
    assert loss.item() == 0.0


def test_a_student_without_eyes_has_nothing_to_read_from():
    with pytest.raises(ValueError, match="needs a policy with an encoder"):
        PrivilegedReadout(0, torch.zeros(3), torch.ones(3))


def test_the_student_is_the_same_network_with_and_without_it(make_learner):
    plain = make_learner("plain").train()
    taught = make_learner("taught", privileged_weight=1.0).train()
    assert plain.sha256 != taught.sha256
    shapes = [
        {name: tensor.shape for name, tensor in load_policy(result.folder)[0].state_dict().items()}
        for result in (plain, taught)
    ]
    assert shapes[0] == shapes[1]


def test_the_reported_loss_is_that_of_the_actions_alone(make_learner):
    first = {}
    for weight in (0.0, 100.0):
        seen = []
        make_learner(
            f"weight_{weight}", privileged_weight=weight, learning_rate=1e-7, on_metrics=seen.append
        ).train()
        first[weight] = seen[0].loss
    assert first[0.0] == pytest.approx(first[100.0], rel=1e-3)


def test_the_views_learn_to_tell_the_state(make_learner, monkeypatch):
    losses, real = [], PrivilegedReadout.loss

    def watched(self, *arguments):
        loss = real(self, *arguments)
        losses.append(loss.item())
        return loss

    monkeypatch.setattr(PrivilegedReadout, "loss", watched)
    make_learner(privileged_weight=1.0, gradient_steps=60).train()
    assert len(losses) == 60
    assert sum(losses[-10:]) < 0.85 * sum(losses[:10])


def test_a_crashed_training_resumes_to_the_same_bits(make_learner, monkeypatch):
    whole = make_learner("whole", privileged_weight=1.0).train()
    with monkeypatch.context() as patch:
        count = iter(range(17))
        real = PrivilegedReadout.loss
        patch.setattr(PrivilegedReadout, "loss", lambda self, *a: (next(count), real(self, *a))[1])
        with pytest.raises((StopIteration, RuntimeError)):
            make_learner("crashed", privileged_weight=1.0).train()
    assert make_learner("crashed", privileged_weight=1.0).train().sha256 == whole.sha256
