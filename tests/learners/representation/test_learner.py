"""A training lowers its loss, and a killed one ends in the same bits as one that was not."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from potstill.learners.errors import TrainingDivergedError
from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.representation.learner import RepresentationLearner
from potstill.learners.representation.objective import Objective
from potstill.learners.representation.representation_data import RepresentationData
from potstill.learners.training_config import TrainingConfig
from potstill.policies.trajectory_transformer import TrajectoryTransformer
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig


class KilledError(Exception):
    """Stands for a kill."""


@pytest.fixture
def make_learner(table, tmp_path):
    """A factory of learners on ``table``; equal settings and seed make equal ones."""

    def make(
        *, folder: str = "output", seed: int = 0, steps: int = 24, on_metrics=None, rate=1e-3, **choices
    ):
        training = TrainingConfig(
            gradient_steps=steps,
            batch_size=24,
            report_every_steps=5,
            checkpoint_every_steps=10,
            learning_rate=rate,
        )
        config = RepresentationConfig(training=training, dynamics_weight=1.0, validation_batches=2, **choices)
        shape = TrajectoryTransformerConfig(
            window=6, width=16, layers=2, heads=4, feedforward=32, dropout=0.2
        )
        data = RepresentationData(
            table, window=6, batch_size=24, validation_batches=2, seed=seed, device=torch.device("cpu")
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            objective = Objective(
                TrajectoryTransformer(shape, state_size=21, action_size=4), config, robots=2
            )
        learner = RepresentationLearner(
            config,
            objective,
            data,
            Path(tmp_path / folder),
            seed=seed,
            on_metrics=on_metrics or (lambda metrics: None),
        )
        return learner, objective

    return make


def test_the_loss_falls_on_held_out_episodes_too(make_learner):
    seen = []
    learner, _ = make_learner(steps=150, on_metrics=seen.append, rate=3e-3)
    progress = learner.train()
    held_out = [metrics.validation_loss for metrics in seen if metrics.validation_loss is not None]
    assert progress.train_loss < 0.7 * seen[0].loss
    assert held_out[-1] < 0.8 * held_out[0]
    assert progress.validation_loss == held_out[-1]
    assert progress.step == 150


def test_a_training_killed_twice_ends_in_the_same_bits(make_learner):
    learner, whole = make_learner(folder="whole")
    learner.train()

    def kill_at(step):
        def on_metrics(metrics):
            torch.rand(3)  # what others draw in between must not matter
            if metrics.step == step:
                raise KilledError

        return on_metrics

    for step in (15, 24):
        with pytest.raises(KilledError):
            make_learner(folder="killed", on_metrics=kill_at(step))[0].train()
    learner, resumed = make_learner(folder="killed")
    learner.train()
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_the_seed_decides(make_learner):
    weights = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        learner, objective = make_learner(folder=folder, seed=seed)
        learner.train()
        weights.append(objective.transformer.code_head.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_training_leaves_the_global_random_state_alone(make_learner):
    learner, _ = make_learner()
    before = torch.get_rng_state()
    learner.train()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_state_of_other_settings_is_not_continued(make_learner, caplog):
    make_learner()[0].train()
    learner, _ = make_learner(temperature=0.3)
    assert learner.train().step == 24
    assert "beginning anew" in caplog.text


def test_validation_leaves_no_trace_and_repeats_itself(make_learner):
    learner, objective = make_learner()
    objective.train()
    before = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    first, again = learner.validate(), learner.validate()
    assert first == again
    assert objective.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in objective.state_dict().items())


def test_a_loss_that_explodes_ends_the_training(make_learner):
    learner, _ = make_learner(rate=1.0, contrastive_weight=1e6)
    for parameter in learner._objective.parameters():
        torch.nn.init.constant_(parameter, float("nan"))
    with pytest.raises(TrainingDivergedError, match="step 0"):
        learner.train()
