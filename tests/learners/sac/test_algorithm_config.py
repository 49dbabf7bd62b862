"""Bad settings are refused before anything is started."""

from __future__ import annotations

import pytest

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.learners.sac.algorithm_config import SacAlgorithmConfig
from potstill.learners.sac.evaluation_runner import EvaluationRunner


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.expert(task="reech-v3"), "reach-v3"),
        (lambda c: c.expert(robot="saywer"), "sawyer"),
        (lambda c: c.expert(seed=-1), "run_seed must be in 0"),
        (lambda c: c.expert(max_evaluation_steps=501), "max_evaluation_steps must be in 1..500"),
        (lambda c: c.expert(torch_threads=0), "torch_threads must be in 1..256"),
        (lambda c: c.expert(sac={"hidden": [64]}), "sac must be a SacConfig"),
        (lambda c: c.expert(dynamics=None), "dynamics must be a DynamicsConfig"),
        (lambda c: c.env_runners(num_env_runners=255), "num_env_runners must be in 0..254"),
        (lambda c: c.learners(num_learners=3), "batch_size must be a multiple of num_learners: got 16 and 3"),
        (lambda c: c.evaluation(evaluation_duration_unit="timesteps"), "must count episodes"),
        (lambda c: c.debugging(seed=1), "seed must stay unset"),
        (lambda c: c.training(gamma=0.9), "taken by sac.discount"),
        (lambda c: c.training(lr=1e-2), "taken by sac.actor_learning_rate"),
        (lambda c: c.env_runners(num_envs_per_env_runner=4), "taken by sac.envs"),
        (lambda c: c.training(train_batch_size_per_learner=7), "taken by sac.batch_size"),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(tiny_expert, change, message):
    with pytest.raises(ValueError, match=message):
        change(tiny_expert()).validate()


def test_the_defaults_are_valid_and_the_evaluation_has_its_own_runner():
    config = SacAlgorithmConfig()
    config.validate()
    evaluation = config.get_evaluation_config_object()
    evaluation.validate()
    assert evaluation.env_runner_cls is EvaluationRunner and config.env_runner_cls is not EvaluationRunner


def test_what_is_not_given_stays(tiny_expert):
    config = tiny_expert(seed=7).expert(dynamics=DynamicsConfig(mass_scale=2.0))
    assert (config.run_seed, config.task, config.dynamics.mass_scale) == (7, "reach-v3", 2.0)
