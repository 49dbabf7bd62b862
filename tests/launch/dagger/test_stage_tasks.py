from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from potstill.actors.beta_schedule import BetaSchedule
from potstill.actors.rollout_job import RolloutJob
from potstill.launch.dagger.config import DaggerConfig, TeacherConfig
from potstill.launch.dagger.stage_tasks import StageTasks
from potstill.launch.dagger.stages import (
    evaluation_stage,
    rollout_stage,
    training_stage,
)
from potstill.learners.training_job import TrainingJob

STUDENT = ("/run/checkpoints/round_00", "b" * 64)


def tasks_of(config):
    return StageTasks(config=config, run="r-1", run_dir=Path("/run"), store="/run/episodes")


def tasks_of_round(config, round_index):
    return tasks_of(config).rollouts(rollout_stage(config, round_index, STUDENT[1]), round_index, STUDENT)


def jobs_of_round(config, round_index):
    return [RolloutJob.from_payload(task.payload) for task in tasks_of_round(config, round_index)]


@pytest.mark.parametrize(
    ("episodes", "fraction", "ladder", "wanted"),
    [
        (40, 0.5, (0.3, 0.6, 1.0), {0.0: 20, 0.3: 7, 0.6: 7, 1.0: 6}),
        (12, 0.75, (0.3, 0.6, 1.0), {0.0: 3, 0.3: 3, 0.6: 3, 1.0: 3}),
        (10, 0.0, (0.3,), {0.0: 10}),
        (10, 1.0, (0.5,), {0.5: 10}),
    ],
)
def test_the_bootstrap_round_is_mixed_in_exactly_the_stated_ratio(episodes, fraction, ladder, wanted):
    teacher = TeacherConfig(ladder=ladder, ladder_fraction=fraction)
    jobs = jobs_of_round(DaggerConfig(recipe="r", bootstrap_rollouts=episodes, teacher=teacher), 0)
    assert Counter(job.sigma for job in jobs) == wanted
    assert not any(job.student_acts for job in jobs)


def test_the_mix_is_shuffled_by_the_runs_seed_and_by_nothing_else():
    orders = [
        [job.sigma for job in jobs_of_round(DaggerConfig(recipe="r", seed=seed), 0)] for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def pinned(digit):
    return f"teachers/{digit * 64}"


def test_a_ladder_of_experts_takes_the_place_of_noise_in_equal_parts():
    teacher = TeacherConfig(
        expert=pinned("e"), ladder_experts=(pinned("1"), pinned("2"), pinned("3")), ladder_fraction=0.5
    )
    jobs = jobs_of_round(DaggerConfig(recipe="r", bootstrap_rollouts=40, teacher=teacher), 0)
    assert Counter(job.teacher.sha256[0] for job in jobs) == {"e": 20, "1": 7, "2": 7, "3": 6}
    assert {job.sigma for job in jobs} == {0.0}
    assert {(job.expert.folder, job.expert.sha256) for job in jobs} == {(f"/run/{pinned('e')}", "e" * 64)}
    assert all(job.teacher.folder == f"/run/teachers/{job.teacher.sha256}" for job in jobs)


def test_an_expert_without_a_ladder_of_its_own_is_degraded_by_noise():
    jobs = jobs_of_round(DaggerConfig(recipe="r", teacher=TeacherConfig(expert=pinned("e"))), 0)
    assert Counter(job.sigma for job in jobs) == {0.0: 20, 0.3: 7, 0.6: 7, 1.0: 6}
    assert {job.teacher for job in jobs} == {job.expert for job in jobs}


def test_in_later_rounds_and_in_the_control_the_expert_labels_and_no_ladder_acts():
    teacher = TeacherConfig(expert=pinned("e"), ladder_experts=(pinned("1"),))
    config = DaggerConfig(recipe="r", teacher=teacher)
    for jobs in (
        jobs_of_round(config, 1),
        jobs_of_round(DaggerConfig(recipe="r", teacher=teacher, collection="expert_only"), 0),
    ):
        assert {job.teacher.sha256[0] + job.expert.sha256[0] for job in jobs} == {"ee"}


def test_later_rounds_are_the_students_with_the_schedules_beta():
    config = DaggerConfig(recipe="r", rounds=3, beta=BetaSchedule(kind="linear", rampdown_rounds=4))
    for round_index, beta in ((1, 0.75), (2, 0.5), (3, 0.25)):
        jobs = jobs_of_round(config, round_index)
        assert len(jobs) == config.rollouts
        assert {(job.checkpoint, job.checkpoint_sha256, job.beta, job.sigma) for job in jobs} == {
            (*STUDENT, beta, 0.0)
        }


def test_an_evaluation_is_the_students_alone_and_overtakes_rollouts():
    config = DaggerConfig(recipe="r")
    for round_index in (1, None):
        stage = evaluation_stage(config, round_index, STUDENT[1])
        tasks = tasks_of(config).evaluation(stage, STUDENT)
        jobs = [RolloutJob.from_payload(task.payload) for task in tasks]
        asked = config.evaluation.final_episodes if round_index is None else config.evaluation.episodes
        assert len(jobs) == asked
        assert {(job.purpose, job.beta, job.checkpoint_sha256) for job in jobs} == {
            ("evaluation", 0.0, STUDENT[1])
        }
        rollout = tasks_of_round(config, 1)[0]
        assert min(task.priority for task in tasks) > rollout.priority


def test_a_training_sees_all_rounds_so_far_and_starts_from_the_last_policy():
    config = DaggerConfig(recipe="r")
    stage = training_stage(config, 2, ["m0", "m1", "m2"], STUDENT[1])
    task = tasks_of(config).training(stage, 2, STUDENT[0])
    job = TrainingJob.from_payload(task.payload)
    assert job.rounds == (0, 1, 2)
    assert (job.initial_policy, job.output, job.policy, job.learner) == (
        STUDENT[0], "/run/checkpoints/round_02", config.policy, config.learner
    )  # fmt: skip


def test_ids_follow_from_the_inputs_so_that_submitting_twice_is_submitting_once():
    config = DaggerConfig(recipe="r")
    one, two, other = (tasks_of_round(c, 0) for c in (config, config, DaggerConfig(recipe="r", seed=1)))
    assert [task.id for task in one] == [task.id for task in two]
    assert not {task.id for task in one} & {task.id for task in other}
