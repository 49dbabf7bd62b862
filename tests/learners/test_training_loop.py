"""The loop that every learner shares, on the smallest thing that can be trained."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch

from potstill.experience.array_file import read_array_file
from potstill.learners.errors import TrainingDivergedError
from potstill.learners.training_config import TrainingConfig
from potstill.learners.training_loop import STATE_FILE, TrainingLoop

TOTAL = 23
KIND = "potstill.test_state.1"


class CrashError(Exception):
    """Stands for a kill."""


class Averager:
    """Its weight wanders towards the mean of what it is shown."""

    def __init__(self, *, crash_at=None, losses=None):
        self.weight = torch.zeros(2, dtype=torch.float64)
        self.crash_at, self.losses = crash_at, losses or {}
        self.started, self.validations = [], 0

    def batches(self, start):
        self.started.append(start)
        for number in range(start, TOTAL):
            yield np.random.default_rng([1, number]).normal(size=(4, 2)) + 3

    def step(self, batch, number):
        if number == self.crash_at:
            raise CrashError
        error = torch.from_numpy(batch.mean(0)) - self.weight
        self.weight = self.weight + 0.1 * error
        return torch.as_tensor(self.losses.get(number, error.square().mean()), dtype=torch.float32)

    def samples(self, batch):
        return len(batch)

    def validate(self):
        self.validations += 1
        return float((self.weight - 3).square().mean())

    def learning_rate(self, number):
        return 1 / (1 + number)

    def state(self):
        return {"weight": self.weight.numpy().copy()}, {"kept": "too"}

    def restore(self, arrays, facts):
        assert facts["kept"] == "too"
        self.weight = torch.from_numpy(arrays["weight"])


@pytest.fixture
def make_loop(tmp_path):
    def make(name="run", *, fingerprint="f", kind=KIND, on_metrics=lambda metrics: None):
        return TrainingLoop(
            folder=tmp_path / name, kind=kind, fingerprint=fingerprint, total_steps=TOTAL, steps_per_epoch=10,
            report_every_steps=4, checkpoint_every_steps=6, explosion_ratio=100.0, on_metrics=on_metrics,
        )  # fmt: skip

    return make


def test_it_reports_at_every_interval_every_epochs_end_and_every_saved_state(make_loop):
    seen, trainee = [], Averager()
    progress = make_loop(on_metrics=seen.append).run(trainee)
    assert [metrics.step for metrics in seen] == [4, 6, 8, 10, 12, 16, 18, 20, TOTAL]
    validated = {metrics.step for metrics in seen if metrics.validation_loss is not None}
    assert validated == {10, 20, TOTAL} and trainee.validations == 3
    assert seen[-1].loss < seen[0].loss and seen[-1].epoch == pytest.approx(2.3)
    assert [metrics.learning_rate for metrics in seen] == [1 / metrics.step for metrics in seen]
    assert all(metrics.total_steps == TOTAL and metrics.samples_per_second > 0 for metrics in seen)
    assert progress.step == TOTAL and progress.train_loss == seen[-1].loss
    assert progress.validation_loss == seen[-1].validation_loss and progress.seconds > 0


def test_the_reported_loss_is_the_mean_since_the_last_report(make_loop):
    seen = []
    losses = {number: float(number % 5) for number in range(TOTAL)}
    make_loop(on_metrics=seen.append).run(Averager(losses=losses))
    starts = [0, *(metrics.step for metrics in seen)]
    for first, metrics in zip(starts, seen):
        assert metrics.loss == pytest.approx(np.mean([losses[n] for n in range(first, metrics.step)]))


@pytest.mark.parametrize("step", [3, 6, 11, 22])
def test_a_crashed_training_goes_on_at_its_last_state_and_ends_in_the_same_bits(make_loop, step):
    whole = Averager()
    straight = make_loop("whole").run(whole)
    with pytest.raises(CrashError):
        make_loop().run(Averager(crash_at=step))
    resumed = Averager()
    progress = make_loop().run(resumed)
    assert resumed.started == [step // 6 * 6]
    assert torch.equal(resumed.weight, whole.weight)
    assert (progress.first_loss, progress.validation_loss) == (straight.first_loss, straight.validation_loss)


def test_a_finished_training_is_not_repeated(make_loop):
    first = make_loop().run(Averager())
    again = Averager(crash_at=0)
    assert make_loop().run(again) == first
    assert again.started == [TOTAL]


@pytest.mark.parametrize(
    ("change", "words"), [({"fingerprint": "g"}, "other settings"), ({"kind": "potstill.x.1"}, "wanted")]
)
def test_the_state_of_another_training_is_not_continued(make_loop, caplog, change, words):
    make_loop().run(Averager())
    trainee = Averager()
    with caplog.at_level(logging.WARNING):
        make_loop(**change).run(trainee)
    assert trainee.started == [0] and "beginning anew" in caplog.text and words in caplog.text


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e6])
def test_divergence_names_step_and_value_and_keeps_the_last_good_state(make_loop, tmp_path, bad):
    with pytest.raises(TrainingDivergedError, match="diverged at step 13") as caught:
        make_loop().run(Averager(losses={13: bad}))
    assert caught.value.step == 13
    arrays, facts, _ = read_array_file(tmp_path / "run" / STATE_FILE, kind=KIND)
    assert facts["progress"]["step"] == 12
    assert arrays["weight"].shape == (2,)


def test_what_a_report_raises_ends_the_training_and_leaves_it_to_be_resumed(make_loop):
    def stop(metrics):
        if metrics.step == 16:
            raise CrashError

    with pytest.raises(CrashError):
        make_loop(on_metrics=stop).run(Averager())
    trainee = Averager()
    assert make_loop().run(trainee).step == TOTAL and trainee.started == [12]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": 0}, r"batch_size must be in 1..65536: got 0"),
        ({"learning_rate": math.nan}, "learning_rate must be in .*: got nan"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda: got 'tpu'"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(settings, words):
    with pytest.raises(ValueError, match=words):
        TrainingConfig(**settings)
