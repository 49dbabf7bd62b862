"""Distillation learns in every context, resumes to the bit, and moves nothing that is frozen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from potstill.experience.array_file import write_array_file
from potstill.experience.errors import ArrayFileError, ManifestError
from potstill.learners.collective.learner import CollectiveLearner
from potstill.learners.errors import TrainingDivergedError
from potstill.policies.collective_checkpoint import load_collective
from potstill.policies.collective_inference import CollectiveInference
from potstill.policies.representation_checkpoint import load_representation
from potstill.policies.window_tensors import WindowTensors

CONTEXTS = ("code", "id", "zeros", "joint")


class CrashError(Exception):
    """Stands for a kill."""


def crash_at(monkeypatch, step: int) -> None:
    real = CollectiveLearner.step

    def step_or_die(self, batch, number):
        if number == step:
            raise CrashError
        return real(self, batch, number)

    monkeypatch.setattr(CollectiveLearner, "step", step_or_die)


def action_error(job, table) -> float:
    """Mean squared error of the live policy on held-out rows of both tasks."""
    inference = CollectiveInference.load(Path(job.output))
    rows = table.rows("validation")
    tasks = np.array(table.tasks)[table.task_of_row[rows]]
    actions = inference.act(table.windows(rows, inference.window), tasks)
    return float(np.square(actions - table.columns["mu"][rows]).mean())


def test_contexts_that_know_the_task_do_what_the_control_cannot(make_job, train, table):
    errors = {}
    for context in CONTEXTS:
        job = make_job(context, output=context, gradient_steps=150, batch_size=32, learning_rate=1e-2)
        result = train(job)
        assert result["steps"] == 150 and result["train_samples"] == len(table.rows("train"))
        errors[context] = action_error(job, table)
    assert errors["zeros"] > 0.15  # the mean of two opposite labels
    for context in ("code", "id", "joint"):
        assert errors[context] < 0.5 * errors["zeros"], errors


@pytest.mark.parametrize("loss", ["reference", "kl", "nll"])
def test_every_loss_trains(make_job, train, table, loss):
    seen = []
    job = make_job("id", loss=loss, gradient_steps=200, batch_size=64, learning_rate=5e-3)
    result = train(job, seen.append)
    assert seen[-1].loss < seen[0].loss
    assert result["loss"] == seen[-1].loss and result["validation_loss"] == seen[-1].validation_loss
    assert action_error(job, table) < 0.1


@pytest.mark.parametrize("loss", ["kl", "nll"])
def test_a_policy_that_begins_too_sure_of_itself_does_not_diverge(make_job, train, loss):
    seen = []
    train(make_job("id", loss=loss, log_std_min=-20.0, gradient_steps=100), seen.append)
    assert seen[-1].loss < 0.5 * seen[0].loss


def test_the_reference_loss_learns_the_labelled_spread(make_job, train, table):
    job = make_job("id", gradient_steps=200, batch_size=64, learning_rate=5e-3)
    train(job)
    policy, _ = load_collective(Path(job.output))
    rows = table.rows("validation")
    with torch.inference_mode():
        windows = WindowTensors.of(table.windows(rows, 1))
        _, log_std = policy(windows, torch.from_numpy(table.task_of_row[rows].astype(np.int64)))
    assert abs(log_std.mean().item() + 3.0) < 0.2


@pytest.mark.parametrize("context", CONTEXTS)
def test_two_trainings_end_in_the_same_bits(make_job, train, context):
    first, second, other = (
        train(make_job(context, output=name, seed=seed)) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == second
    assert first["checkpoint_sha256"] != other["checkpoint_sha256"]


@pytest.mark.parametrize("context", ["code", "joint"])
def test_a_crashed_training_resumes_to_the_same_bits(make_job, train, monkeypatch, context):
    whole = train(make_job(context, output="whole"))
    with monkeypatch.context() as patch, pytest.raises(CrashError):
        crash_at(patch, 8)
        train(make_job(context, output="crashed"))
    steps = []
    resumed = train(make_job(context, output="crashed"), lambda metrics: steps.append(metrics.step))
    assert resumed == whole
    assert steps[0] > 5  # nothing before the last saved state was done again
    crash_at(monkeypatch, 0)
    assert train(make_job(context, output="crashed")) == whole  # a finished training is not repeated


def test_a_frozen_transformer_is_not_moved_and_a_joint_one_is(make_job, train):
    job = make_job("code")
    representation, _ = load_representation(Path(job.representation))
    again = {"representation": job.representation, "representation_sha256": job.representation_sha256}
    moved = {}
    for context in ("code", "joint"):
        job = make_job(context, output=context, **again)
        train(job)
        policy, _ = load_collective(Path(job.output))
        pairs = zip(
            representation.state_dict().items(), policy.transformer.state_dict().values(), strict=True
        )
        moved[context] = {name for (name, old), new in pairs if not torch.equal(old, new)}
    assert not moved["code"]
    assert {"whole", "code_head.weight", "layers.0.norm_attention.weight"} & moved["joint"]
    assert not any("mean" in name or "_std" in name for name in moved["joint"])


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_warm_start_goes_on_where_the_previous_round_ended(make_job, train, context):
    first = make_job(context, output="first", rounds=(0,), gradient_steps=100)
    before = train(first)
    more = {"initial_policy": first.output, "gradient_steps": 1, "learning_rate": 1e-6}
    warm = train(make_job(context, output="second", **more))
    cold = train(make_job(context, output="third", start="reset", **more))
    assert before["validation_loss"] < 0.8 * cold["validation_loss"]
    assert warm["validation_loss"] < 0.8 * cold["validation_loss"]
    old, new = (load_collective(Path(first.output).with_name(name))[0] for name in ("first", "second"))
    assert torch.equal(old.state_mean, new.state_mean) and torch.equal(old.context_std, new.context_std)


def test_a_warm_start_from_another_network_is_refused(make_job, train, make_transformer, tmp_path):
    from potstill.policies.representation_checkpoint import save_representation

    first = make_job("code", output="first")
    train(first)
    with pytest.raises(ArrayFileError, match="holds .*code.*wanted .*zeros"):
        train(make_job("zeros", initial_policy=first.output))
    other = str(tmp_path / "other")
    sha256 = save_representation(tmp_path / "other", make_transformer(seed=1))
    changed = {"representation": other, "representation_sha256": sha256, "initial_policy": first.output}
    with pytest.raises(ArrayFileError, match="codes of another transformer"):
        train(make_job("code", **changed))
    assert train(make_job("code", **changed, start="reset"))["steps"] == 12


def test_what_does_not_fit_is_refused_before_the_first_step(make_job, train, store):
    with pytest.raises(ValueError, match=r"every task of the rounds: reach-v3 missing"):
        train(make_job("zeros", tasks=("push-v3", "door-open-v3")))
    with pytest.raises(ArrayFileError, match="wanted 0000"):
        train(make_job("code", representation_sha256="0" * 64))
    with pytest.raises(ManifestError):
        train(make_job("zeros", rounds=(0, 5)))


def test_a_diverging_loss_ends_the_training_and_writes_no_policy(make_job, train, monkeypatch):
    job = make_job("zeros")
    real = CollectiveLearner._loss
    monkeypatch.setattr(CollectiveLearner, "_loss", lambda self, batch: real(self, batch) * float("nan"))
    with pytest.raises(TrainingDivergedError, match="step 0"):
        train(job)
    assert not list(Path(job.output).glob("collective*"))


def test_the_state_of_another_training_is_not_continued(make_job, train):
    job = make_job("zeros")
    write_array_file(Path(job.output) / "training_state.safetensors", {}, {}, kind="potstill.bc_state.1")
    expected = train(make_job("zeros", output="clean"))
    assert train(job) == expected
