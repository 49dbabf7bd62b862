from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from potstill.actors.beta_schedule import BetaSchedule
from potstill.actors.teacher_source import TeacherSource
from potstill.actors.trajectory_job import TrajectoryJob
from potstill.launch.collective.config import CollectionConfig, CollectiveConfig, MatrixConfig
from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.collective.stage_tasks import CollectiveTasks, bootstrap_actors
from potstill.launch.collective.stages import (
    collection_stage,
    distillation_stage,
    matrix_stage,
    representation_stage,
)
from potstill.learners.collective.job import CollectiveJob
from potstill.learners.representation.job import RepresentationJob

POLICY = ("/run/checkpoints/round_00", "b" * 64)
CONFIG = CollectiveConfig(
    recipe="r",
    tasks=("reach-v3", "push-v3", "drawer-close-v3"),
    robots=("sawyer", "ur5e"),
    unseen_robots=("panda",),
    rounds=2,
    collection=CollectionConfig(bootstrap_episodes=20, episodes=7),
    evaluation=MatrixConfig(episodes=4, final_episodes=6),
)


def tasks_of(config=CONFIG, **by_cell):
    experts = ExpertTable(config=config, by_cell=by_cell, sources={})
    return CollectiveTasks(experts=experts, run="r-1", run_dir=Path("/run"), store="/run/episodes")


def round_of(tasks, round_index):
    stage = collection_stage(tasks.experts, round_index, POLICY[1])
    return tasks.rollouts(stage, round_index, POLICY)


def jobs_of(tasks):
    return [TrajectoryJob.from_payload(task.payload) for task in tasks]


def matrix(name, policy=POLICY, config=CONFIG):
    return tasks_of(config).matrix(matrix_stage(config, name, policy[1]), policy)


def distillation(context, rounds=(0, 1)):
    stage = distillation_stage(
        CONFIG,
        "round_01",
        context=context,
        manifests=["a", "b"],
        representation_sha256="tt",
        initial_sha256="x",
    )
    task = tasks_of().distillation(
        stage, "round_01", context=context, rounds=rounds, representation_sha256="tt", initial="/before"
    )
    return task, CollectiveJob.from_payload(task.payload)


@pytest.mark.parametrize(
    ("episodes", "random", "noisy", "noise", "wanted"),
    [
        (20, 0.1, 0.5, (0.3, 0.6, 1.0), {"random": 2, 0.0: 8, 0.3: 4, 0.6: 3, 1.0: 3}),
        (12, 0.25, 0.75, (0.3, 0.6, 1.0), {"random": 3, 0.3: 3, 0.6: 3, 1.0: 3}),
        (10, 0.0, 0.0, (), {0.0: 10}),
        (10, 1.0, 0.0, (), {"random": 10}),
        (10, 0.0, 1.0, (0.5,), {0.5: 10}),
        # Shares that do not divide never make more episodes than were asked for.
        (3, 0.5, 0.5, (0.5,), {"random": 2, 0.5: 1}),
        (2, 0.1, 0.5, (0.3, 0.6), {0.0: 1, 0.3: 1}),
    ],
)
def test_every_cell_of_the_bootstrap_is_mixed_in_exactly_the_stated_shares(
    episodes, random, noisy, noise, wanted
):
    mix = CollectionConfig(
        bootstrap_episodes=episodes, random_fraction=random, noisy_fraction=noisy, noise=noise
    )
    jobs = jobs_of(round_of(tasks_of(replace(CONFIG, collection=mix)), 0))
    for robot, task in CONFIG.cells:
        cell = [job for job in jobs if (job.robot, job.task) == (robot, task)]
        assert Counter("random" if job.actor == "random" else job.sigma for job in cell) == wanted
        assert not any(job.actor == "student" or job.checkpoint for job in cell)


def test_the_mix_is_shuffled_by_seed_and_cell_and_by_nothing_else():
    order = bootstrap_actors(CONFIG, 0)
    assert bootstrap_actors(CONFIG, 0) == order != sorted(order)
    assert bootstrap_actors(CONFIG, 1) != order != bootstrap_actors(replace(CONFIG, seed=1), 0)


def test_every_round_asks_for_the_same_number_of_episodes_of_each_cell():
    for round_index, count in ((0, 20), (1, 7), (2, 7)):
        tasks = round_of(tasks_of(), round_index)
        jobs = jobs_of(tasks)
        assert Counter((job.robot, job.task) for job in jobs) == dict.fromkeys(CONFIG.cells, count)
        assert [job.index for job in jobs] == list(range(6 * count))
        assert len({task.id for task in tasks}) == len(tasks)
        assert {(task.kind, job.round) for task, job in zip(tasks, jobs, strict=True)} == {
            ("rollout", round_index)
        }


def test_later_rounds_are_acted_by_the_policy_mixed_with_the_expert():
    config = replace(CONFIG, beta=BetaSchedule(kind="exponential", value=0.5))
    for round_index, beta in ((1, 0.5), (2, 0.25)):
        jobs = jobs_of(round_of(tasks_of(config), round_index))
        facts = {(job.actor, job.checkpoint, job.checkpoint_sha256, job.beta, job.sigma) for job in jobs}
        assert facts == {("student", *POLICY, beta, 0.0)}


def test_the_label_of_a_cell_is_its_own_experts():
    pinned = f"teachers/{'e' * 64}"
    tasks = tasks_of()
    tasks.experts.by_cell["ur5e", "push-v3"] = pinned
    for round_index in (0, 1):
        for job in jobs_of(round_of(tasks, round_index)):
            trained = TeacherSource(folder=f"/run/{pinned}", sha256="e" * 64)
            assert job.expert == (
                trained if (job.robot, job.task) == ("ur5e", "push-v3") else TeacherSource()
            )


def test_seeds_are_never_shared_by_rounds_runs_looks_and_the_final_evaluation():
    used = [
        {job.seed for job in jobs_of(round_of(tasks_of(replace(CONFIG, seed=seed)), round_index))}
        for seed in (0, 1)
        for round_index in (0, 1, 2)
    ]
    assert [len(seeds) for seeds in used] == [120, 42, 42] * 2
    used += [{job.seed for job in jobs_of(matrix(name))} for name in ("round_00", "final.code")]
    assert len(set.union(*used)) == sum(map(len, used)) == 2 * 204 + 4 + 6


def test_a_look_shows_seen_robots_and_the_final_evaluation_all():
    for name, robots, count in (
        ("round_01", ("sawyer", "ur5e"), 4),
        ("final.id", ("sawyer", "ur5e", "panda"), 6),
    ):
        jobs = jobs_of(matrix(name))
        cells = Counter((job.robot, job.task) for job in jobs)
        assert cells == {(robot, task): count for robot in robots for task in CONFIG.tasks}
        assert len({job.seed for job in jobs}) == count
        assert {(job.purpose, job.actor, job.beta, job.stop_at_success, job.store) for job in jobs} == {
            ("evaluation", "student", 0.0, False, "")
        }


def test_every_policy_is_evaluated_on_the_very_same_episodes():
    worlds = [
        [(job.robot, job.task, job.seed) for job in jobs_of(matrix(f"final.{context}", (context, "c" * 64)))]
        for context in ("code", "zeros")
    ]
    assert worlds[0] == worlds[1]


def test_what_an_episode_was_is_told_in_the_order_of_its_tasks():
    stage = matrix_stage(CONFIG, "final.code", POLICY[1])
    jobs = jobs_of(tasks_of().matrix(stage, POLICY))
    assert list(tasks_of().matrix_episodes(stage)) == [(job.robot, job.task, job.seed) for job in jobs]


def test_only_a_policy_that_reads_codes_is_given_a_transformer():
    for context in ("code", "id", "zeros", "joint"):
        task, job = distillation(context)
        assert job.policy.context == context and task.kind == "distillation"
        assert (job.representation, job.representation_sha256) == (
            ("/run/checkpoints/representation", "tt") if context == "code" else ("", "")
        )
        assert (job.rounds, job.tasks, job.initial_policy) == ((0, 1), CONFIG.tasks, "/before")
        assert job.output == "/run/checkpoints/round_01" and job.cache == "/run/cache"


def test_the_transformer_is_trained_on_the_bootstrap_alone():
    task = tasks_of().representation(representation_stage(CONFIG, "m0"))
    job = RepresentationJob.from_payload(task.payload)
    assert task.kind == "representation" and job.rounds == (0,)
    assert (job.transformer, job.learner) == (CONFIG.transformer, CONFIG.representation)


def test_evaluations_and_trainings_overtake_rollouts():
    rollout, evaluation = round_of(tasks_of(), 1)[0], matrix("round_00")[0]
    assert evaluation.priority > distillation("code")[0].priority > rollout.priority


def test_other_settings_make_other_tasks():
    changed = replace(CONFIG, collection=replace(CONFIG.collection, max_steps=9))
    ids = [{task.id for task in round_of(tasks_of(config), 0)} for config in (CONFIG, changed)]
    assert ids[0].isdisjoint(ids[1])
