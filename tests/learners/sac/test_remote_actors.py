"""Samplers, evaluators, learners and whole trainings in Ray actors."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
import torch
from ray import tune
from ray.rllib.core import DEFAULT_MODULE_ID

from potstill.learners.sac.algorithm import SacAlgorithm
from potstill.learners.sac.errors import DivergedError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("local_ray")]

DEADLINE_SECONDS = 60.0


class Seeds:
    """Remembers which episodes were sampled."""

    def __init__(self):
        self.seen = []

    def observe(self, fragment, env_steps):
        self.seen.append(set(fragment.episode_seed.flat))


def weights(algorithm):
    return algorithm.networks().state_dict()


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_a_killed_sampler_comes_back_with_new_episodes(build, tiny_expert):
    algorithm = build(tiny_expert().env_runners(num_env_runners=1))
    algorithm.history = Seeds()
    algorithm.train()
    [pid] = algorithm.env_runner_group.foreach_env_runner(lambda _: os.getpid(), local_env_runner=False)
    os.kill(pid, signal.SIGKILL)
    give_up = time.monotonic() + DEADLINE_SECONDS
    while len(algorithm.history.seen) < 3:
        assert time.monotonic() < give_up, "the sampler never came back"
        result = algorithm.train()
    first, second, third = algorithm.history.seen
    assert not first & second and second == third, "the third fragment ends the second's episodes"
    assert result["env_runners"]["num_env_steps_sampled_lifetime"] == 60
    assert result["fault_tolerance"]["num_remote_worker_restarts"] == 1


def test_remote_evaluators_give_the_outcomes_of_a_local_one(build, tiny_expert):
    local = build(tiny_expert())
    remote = build(tiny_expert().evaluation(evaluation_num_env_runners=2, evaluation_duration=5))
    results = [algorithm.evaluate()["env_runners"] for algorithm in (local, remote)]
    assert results[1]["episodes"] == 5
    episodes = local.eval_env_runner.sample(num_episodes=5)
    mean = sum(episode.episode_return for episode in episodes) / 5
    assert results[1]["episode_return_mean"] == pytest.approx(mean, rel=1e-12)


def test_a_remote_learner_learns_the_same_weights_as_a_local_one_and_tells_when_it_diverges(
    build, tiny_expert
):
    local, remote = build(tiny_expert()), build(tiny_expert().learners(num_learners=1))
    for algorithm in (local, remote):
        for _ in range(2):
            algorithm.train()
    assert equal(weights(local), weights(remote))
    minibatches = local._memory.minibatches(3)
    minibatches["reward"] += 1e9
    with pytest.raises(DivergedError, match="diverged at update 21: critic_loss"):
        remote.learner_group.update(batches=[minibatches])


def test_learners_that_share_a_batch_stay_equal_also_after_a_resume(build, tiny_expert, tmp_path):
    algorithm = build(tiny_expert().learners(num_learners=2, num_cpus_per_learner=0.5))
    start = weights(algorithm)
    algorithm.train()
    algorithm.save_to_path(str(tmp_path))
    algorithm.restore_from_path(str(tmp_path))
    algorithm.train()
    first, second = [
        result.get()
        for result in algorithm.learner_group.foreach_learner(
            lambda learner: learner.module[DEFAULT_MODULE_ID].get_state()
        )
    ]
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not equal(start, weights(algorithm))


def test_tune_runs_trials_of_a_search_space_and_keeps_their_checkpoints(tiny_expert, tmp_path, tiny_sac):
    config = tiny_expert(seed=tune.grid_search([0, 1])).expert(sac=tiny_sac(update_ratio=0.5))
    results = tune.Tuner(
        SacAlgorithm,
        param_space=config,
        run_config=tune.RunConfig(
            stop={"training_iteration": 2},
            storage_path=str(tmp_path),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
        ),
    ).fit()
    assert len(results) == 2 and not results.errors
    assert {result.config["run_seed"] for result in results} == {0, 1}
    best = results.get_best_result("env_runners/episode_return_mean", "max")
    assert best.metrics["env_runners"]["num_env_steps_sampled_lifetime"] == 40
    restored = SacAlgorithm.from_checkpoint(best.checkpoint.path)
    assert restored.train()["learners"]["default_policy"]["num_updates_lifetime"] == 15
    restored.stop()
