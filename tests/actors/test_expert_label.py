from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potstill.actors.expert_label import expert_label
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import OracleTeacher
from potstill.policies.expert_policy import ExpertPolicy


@pytest.fixture(scope="module")
def observation():
    return TaskSimulation("reach-v3").reset(3)


def test_the_oracle_has_an_action_and_no_spread(observation):
    mu, log_std = expert_label(OracleTeacher("reach-v3"), observation)
    assert np.array_equal(mu, OracleTeacher("reach-v3").act(observation))
    assert log_std is None


def test_a_trained_expert_has_the_action_it_would_execute_and_its_spread(observation, sac_expert):
    expert = ExpertPolicy.load(Path(sac_expert.folder))
    mu, log_std = expert_label(expert, observation)
    assert np.array_equal(mu, expert.act(observation))
    assert np.array_equal(log_std, expert.distribution(observation[None])[1][0])
    assert mu.dtype == log_std.dtype == np.float32 and mu.shape == log_std.shape == (4,)
