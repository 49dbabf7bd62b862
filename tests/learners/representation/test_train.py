"""A task of the learner worker, from sealed episodes to a checkpoint and what its codes are worth."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import ManifestError
from potstill.learners.representation.novelty import NOVELTY_FILE, Novelty
from potstill.learners.representation.train import train_representation
from potstill.policies.representation_checkpoint import load_representation
from potstill.queues.codec import decode, encode

TASKS = ("door-open-v3", "push-v3", "reach-v3")
ROBOTS = ("panda", "sawyer")


def _train(job, seen=None):
    payload = decode(encode(job.to_payload()))
    return train_representation(payload, threads=1, on_metrics=[].append if seen is None else seen.append)


def test_codes_learn_to_tell_the_tasks_of_episodes_they_never_saw(task_store, make_job, tmp_path):
    task_store(per_cell=10)
    seen = []
    result = _train(make_job(training={"gradient_steps": 300, "learning_rate": 3e-3}), seen)
    assert result["task_probe"] >= 0.95
    assert result["task_chance"] == pytest.approx(1 / 3)
    assert result["task_known_from_step"] is not None
    assert result["task_probe_by_step"]["10"] == 1.0
    assert abs(result["robot_probe"] - 0.5) < 0.2
    assert result["steps"] == seen[-1].step == 300
    assert result["validation_loss"] < seen[0].loss
    assert result["robot_leakage"].keys() == set(TASKS)
    assert result["clusters"] >= 3
    assert result["cluster_homogeneity"] > 0.95
    transformer, _ = load_representation(tmp_path / "output", expected_sha256=result["checkpoint_sha256"])
    assert (transformer.state_size, transformer.action_size) == (21, 4)
    assert transformer.state_std.max() > 1.0


def test_a_map_of_held_out_windows_comes_with_the_result(task_store, make_job):
    task_store()
    result = _train(make_job())
    points = result["code_map"]
    assert 0.0 < result["code_map_share"] <= 1.0
    # One of six episodes of 16 steps is held out in each of six cells.
    assert Counter((point["task"], point["robot"]) for point in points) == dict.fromkeys(
        product(TASKS, ROBOTS), 16
    )
    assert {point["step"] for point in points} == set(range(16))
    assert all(abs(sum(point[axis] for point in points)) < 0.1 for axis in "xy")


def test_what_would_be_new_is_kept_beside_the_checkpoint_and_named_after_it(task_store, make_job, tmp_path):
    task_store()
    result = _train(make_job())
    novelty, _ = Novelty.load(tmp_path / "output")
    assert novelty.representation == result["checkpoint_sha256"]
    assert novelty.mixture.clusters == result["clusters"]
    assert (novelty.score(np.full((1, 4), 1e3)) > 0.0).all()


def test_the_same_job_gives_the_same_result_and_a_finished_one_is_not_repeated(task_store, make_job):
    task_store()
    first, seen = _train(make_job(output="a")), []
    assert _train(make_job(output="b")) == first
    assert _train(make_job(output="a"), seen) == first
    assert not seen
    assert _train(make_job(output="c", seed=1))["checkpoint_sha256"] != first["checkpoint_sha256"]


def test_the_result_is_plain_data(task_store, make_job):
    task_store()
    result = _train(make_job())
    assert decode(encode(result)) == result


def test_a_round_that_is_not_sealed_is_refused(make_trajectory, make_job, tmp_path):
    EpisodeStore(tmp_path / "episodes").commit(make_trajectory())
    with pytest.raises(ManifestError):
        _train(make_job())


def test_without_held_out_episodes_nothing_is_claimed_about_the_codes(task_store, make_job, tmp_path):
    task_store(per_cell=1)
    result = _train(make_job())
    assert result["validation_loss"] is None
    assert set(result) == {"checkpoint_sha256", "loss", "validation_loss", "steps", "train_samples"}
    assert not (tmp_path / "output" / NOVELTY_FILE).exists()


def test_a_training_that_was_stopped_gives_the_checkpoint_of_one_that_was_not(task_store, make_job):
    task_store()

    class Stopping(list):
        def append(self, metrics):
            if metrics.step >= 15:
                raise InterruptedError

    with pytest.raises(InterruptedError):
        _train(make_job(output="stopped"), Stopping())
    seen = []
    resumed = _train(make_job(output="stopped"), seen)
    assert seen[0].step == 15  # saved at step 10
    assert resumed["checkpoint_sha256"] == _train(make_job(output="whole"))["checkpoint_sha256"]
