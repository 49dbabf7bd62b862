from __future__ import annotations

import pytest

from potstill.actors.teacher_source import TeacherSource
from potstill.envs.teachers import OracleTeacher
from potstill.experience.episode_seeds import final_evaluation_seed
from potstill.launch.expert.judgement import judge_teacher
from potstill.launch.expert.judgement_config import JudgementConfig
from potstill.launch.expert.teacher_evaluation import evaluate_teacher


def test_the_oracle_reaches_and_an_episode_ends_with_its_success(reach):
    outcomes = list(evaluate_teacher(OracleTeacher("reach-v3"), reach, [0, 1, 2], max_steps=150))
    assert [outcome.seed for outcome in outcomes] == [0, 1, 2]
    assert all(outcome.success and 1 < outcome.steps < 150 for outcome in outcomes)


def test_an_episode_that_does_not_succeed_takes_all_its_steps(reach):
    (outcome,) = evaluate_teacher(OracleTeacher("reach-v3"), reach, [0], max_steps=3)
    assert (outcome.success, outcome.steps) == (False, 3)


def test_an_outcome_depends_on_its_own_seed_alone(reach):
    oracle = OracleTeacher("reach-v3")
    forward = list(evaluate_teacher(oracle, reach, [5, 6, 7], max_steps=100))
    backward = list(evaluate_teacher(oracle, reach, [7, 6, 5], max_steps=100))
    assert forward == backward[::-1]


def test_a_judgement_is_the_same_for_any_number_of_workers(one_ray):
    config = JudgementConfig(task="reach-v3", robot="sawyer", episodes=12, max_steps=100)
    alone, together = (
        sorted(judge_teacher(TeacherSource(), config, workers=workers), key=lambda one: one.seed)
        for workers in (1, 2)
    )
    assert alone == together
    assert [outcome.seed for outcome in alone] == [final_evaluation_seed(index) for index in range(12)]


def test_a_judgement_of_no_episodes_is_refused():
    with pytest.raises(ValueError, match="episodes must be in"):
        JudgementConfig(task="reach-v3", robot="sawyer", episodes=0)
