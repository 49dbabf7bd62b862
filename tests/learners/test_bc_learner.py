"""Training lowers the loss, resumes to the bit, and never overwrites a good state with a bad one."""

from __future__ import annotations

import logging
import math
import os
import pickle

import pytest
import torch

from potstill.experience.array_file import read_array_file
from potstill.experience.errors import ArrayFileError, EpisodeFileError
from potstill.learners.bc.losses import LOSSES
from potstill.learners.bc.optimisation import Optimisation
from potstill.learners.errors import TrainingDivergedError
from potstill.learners.training_loop import STATE_FILE
from potstill.policies.policy_checkpoint import load_policy
from potstill.policies.policy_file import POLICY_FILE


class CrashError(Exception):
    """Stands for a kill."""


def crash_at(monkeypatch, step: int) -> None:
    real = Optimisation.step

    def step_or_die(self, batch, number):
        if number == step:
            raise CrashError
        return real(self, batch, number)

    monkeypatch.setattr(Optimisation, "step", step_or_die)


def weights(folder) -> dict[str, torch.Tensor]:
    return load_policy(folder)[0].state_dict()


def test_the_loss_falls_and_progress_is_reported(make_learner):
    seen = []
    result = make_learner(epochs=25, gradient_steps=None, on_metrics=seen.append).train()
    losses = [metrics.validation_loss for metrics in seen if metrics.validation_loss is not None]
    assert len(losses) == 25
    assert losses[-1] < 0.5 * losses[0]
    assert seen[-1].step == seen[-1].total_steps == result.steps
    assert seen[-1].epoch == result.epochs == 25
    assert all(metrics.samples_per_second > 0 for metrics in seen)
    assert max(m.learning_rate for m in seen) <= 1e-3 and seen[-1].learning_rate < 2e-5
    assert result.validation_loss == losses[-1]
    assert load_policy(result.folder)[1] == result.sha256


@pytest.mark.parametrize("loss", ["mse", "l2", "nll"])
def test_every_loss_trains(make_learner, loss):
    seen = []
    policy = {"head": "gaussian"} if loss == "nll" else {}
    make_learner(loss=loss, gradient_steps=60, policy=policy, on_metrics=seen.append).train()
    assert seen[-1].loss < seen[0].loss


@pytest.mark.parametrize("threads", [1, 2])
def test_two_trainings_end_in_the_same_bits(make_learner, threads):
    first, second, other = (
        make_learner(name, threads=threads, seed=seed, gradient_steps=8).train()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first.sha256 == second.sha256 != other.sha256


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
@pytest.mark.parametrize("step", [3, 17])
def test_a_crashed_training_resumes_to_the_same_bits_as_an_uninterrupted_one(
    make_learner, monkeypatch, step, ema_decay
):
    whole = make_learner("whole", ema_decay=ema_decay).train()
    with monkeypatch.context() as patch:
        crash_at(patch, step)  # mid-epoch: an epoch has 12 steps
        with pytest.raises(CrashError):
            make_learner("crashed", ema_decay=ema_decay).train()
    steps = []
    learner = make_learner("crashed", ema_decay=ema_decay, on_metrics=lambda m: steps.append(m.step))
    resumed = learner.train()
    assert resumed.sha256 == whole.sha256
    assert steps[0] > (step // 7) * 7  # nothing before the last saved state was done again
    left = weights(whole.folder), weights(resumed.folder)
    assert all(torch.equal(left[0][name], left[1][name]) for name in left[0])


def test_a_finished_training_is_not_repeated(make_learner, monkeypatch):
    first = make_learner().train()
    crash_at(monkeypatch, 0)
    again = make_learner().train()
    assert (again.sha256, again.steps, again.validation_loss) == (first.sha256, 30, first.validation_loss)


def test_a_state_of_other_settings_is_not_continued(make_learner, caplog):
    make_learner().train()
    with caplog.at_level(logging.WARNING):
        changed = make_learner(learning_rate=2e-3).train()
    assert "other settings" in caplog.text
    assert changed.sha256 == make_learner("fresh", learning_rate=2e-3).train().sha256


def test_an_unreadable_state_means_beginning_anew_with_the_same_end(make_learner, tmp_path, caplog):
    first = make_learner().train()
    path = tmp_path / "checkpoint" / STATE_FILE
    path.write_bytes(path.read_bytes()[:-50])
    with caplog.at_level(logging.WARNING):
        assert make_learner().train().sha256 == first.sha256
    assert STATE_FILE in caplog.text


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e9])
def test_divergence_names_step_and_value_and_keeps_the_last_good_state(
    make_learner, monkeypatch, tmp_path, bad
):
    real = Optimisation.step

    def diverging(self, batch, number):
        loss = real(self, batch, number)
        return loss * 0 + bad if number >= 18 else loss

    monkeypatch.setattr(Optimisation, "step", diverging)
    with pytest.raises(TrainingDivergedError, match="step 18") as caught:
        make_learner().train()
    assert caught.value.step == 18
    assert math.isnan(caught.value.value) == math.isnan(bad)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # Ray carries errors so
    _, facts, _ = read_array_file(tmp_path / "checkpoint" / STATE_FILE, kind="potstill.bc_state.1")
    assert facts["progress"]["step"] == 14
    assert not (tmp_path / "checkpoint" / POLICY_FILE).exists()


def test_a_first_loss_that_is_infinite_is_caught(make_learner, monkeypatch):
    real = LOSSES["mse"]
    monkeypatch.setitem(LOSSES, "mse", lambda *batch: (real(*batch)[0] / 0.0, {}))
    with pytest.raises(TrainingDivergedError, match="step 0: loss inf"):
        make_learner().train()


def test_a_warm_start_begins_with_the_previous_rounds_weights_and_a_reset_does_not(make_learner, tmp_path):
    previous = make_learner("round_00", gradient_steps=60).train()
    losses = {}
    for start in ("warm", "reset"):
        seen = []
        learner = make_learner(start, start=start, start_from=previous.folder, on_metrics=seen.append)
        losses[start] = seen, learner.train()
    assert losses["warm"][0][0].loss < 0.7 * losses["reset"][0][0].loss
    assert losses["reset"][1].sha256 == make_learner("fresh", start="reset").train().sha256


def test_a_warm_start_from_another_network_or_a_corrupt_file_is_refused(make_learner, tmp_path):
    previous = make_learner("round_00", policy={"hidden": (16,)}).train()
    with pytest.raises(ArrayFileError, match="wanted"):
        make_learner("round_01", start_from=previous.folder)
    (previous.folder / POLICY_FILE).write_bytes(b"x")
    with pytest.raises(ArrayFileError, match=r"policy\.safetensors"):
        make_learner("round_01", start_from=previous.folder)


def test_averaged_weights_differ_from_the_last_and_are_what_is_saved(make_learner):
    plain, averaged = make_learner("plain").train(), make_learner("average", ema_decay=0.9).train()
    state, _, _ = read_array_file(averaged.folder / STATE_FILE, kind="potstill.bc_state.1")
    saved = weights(averaged.folder)
    last = weights(plain.folder)
    assert torch.equal(torch.from_numpy(state["policy.head.weight"]), last["head.weight"])
    assert torch.equal(torch.from_numpy(state["average.head.weight"]), saved["head.weight"])
    assert not torch.equal(saved["head.weight"], last["head.weight"])


def test_bfloat16_trains_on_a_cpu_too(make_learner):
    seen = []
    make_learner(precision="bf16", gradient_steps=60, on_metrics=seen.append).train()
    assert seen[-1].loss < seen[0].loss


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "nll"}, "needs policy.head 'gaussian'"),
        ({"precision": "fp16", "device": "cpu"}, "'fp16' needs device 'cuda'"),
        ({"policy": {"frame_stack": 2}}, "frame_stack of policy"),
    ],
)
def test_settings_that_do_not_fit_are_refused(make_learner, settings, message):
    with pytest.raises(ValueError, match=message):
        make_learner(**settings)


def test_the_global_state_of_torch_is_left_alone(make_learner):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    make_learner(threads=2, gradient_steps=1).train()
    assert torch.equal(torch.get_rng_state(), before) and torch.get_num_threads() == threads


def test_an_episode_lost_while_training_is_an_error_by_name(make_learner, tmp_path):
    learner = make_learner(gradient_steps=200)
    gone = sorted((tmp_path / "episodes/round_01").glob("*.safetensors"))
    for path in gone:
        os.unlink(path)
    with pytest.raises(EpisodeFileError, match="round_01"):
        learner.train()
