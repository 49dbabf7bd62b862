"""What one episode shows, does and records; acted through a worker on in-memory twins."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from potstill.actors.episode_in_progress import EpisodeInProgress
from potstill.actors.student import Student
from potstill.envs.metaworld_env import PRIVILEGED_SIZE, PROPRIO_SIZE, MetaWorldEnv
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.rendering.sketch_renderer import SketchRenderer
from potstill.envs.teachers import OracleTeacher
from potstill.queues.task import Lease

STEPS = 6


@pytest.fixture
def begin(bench):
    """An episode at its first step, without a worker."""
    env = MetaWorldEnv("reach-v3")

    def begin(student=None, **changes):
        job = bench.job(max_steps=STEPS, **changes)
        (task,) = bench.put(job)
        lease = Lease(task=task, owner="me", fence=1, attempt=1, deadline=1e12)
        return EpisodeInProgress(job=job, lease=lease, env=env, student=student)

    return begin


def finish(episode, actions=None):
    """Act the episode to its end; gives the views a student would have had."""
    renderer, views = SketchRenderer(), []
    while not episode.finished:
        assert episode.see(renderer.render([episode.render_request()])[0])
        views.append(episode.student_view())
        episode.act(None if actions is None else actions[len(views) - 1])
    return views


class TestWhatTheStudentSees:
    def test_there_is_no_argument_through_which_it_could_see_more(self):
        assert list(inspect.signature(Student.act).parameters) == ["self", "frames", "proprio"]

    def test_it_is_shown_pictures_and_its_own_body_and_nothing_else(self, bench, on_policy):
        bench.run(*[bench.job(i, max_steps=STEPS, **on_policy) for i in range(2)])
        assert len(bench.student.seen) > 0
        for frames, proprio in bench.student.seen:
            assert frames.dtype == np.uint8 and frames.shape[1:] == (1, 2, 16, 16, 3)
            assert proprio.dtype == np.float32 and proprio.shape[1:] == (1, PROPRIO_SIZE)

    def test_changing_what_is_privileged_without_changing_the_picture_changes_no_byte_of_its_input(
        self, monkeypatch, begin
    ):
        # GIVEN an episode seen honestly
        student = type("Blind", (), {"frame_stack": 3})()
        actions = np.random.default_rng(0).uniform(-1, 1, (STEPS, 4)).astype(np.float32)
        settings = {"checkpoint": "x", "checkpoint_sha256": "a" * 64, "beta": 0.0}
        honest = finish(begin(student, **settings), actions)

        # WHEN the privileged observation (objects, goal, past: all of it) is replaced by noise
        rng = np.random.default_rng(1)
        observe = MetaWorldEnv._observation
        monkeypatch.setattr(
            MetaWorldEnv,
            "_observation",
            lambda self, raw: {**observe(self, raw), "privileged": rng.normal(size=PRIVILEGED_SIZE)},
        )
        blinded = finish(begin(student, index=1, seed=7000, **settings), actions)

        # THEN the student's input is the same, byte for byte
        assert len(honest) == len(blinded) == STEPS
        for one, two in zip(honest, blinded):
            assert [part.tobytes() for part in one] == [part.tobytes() for part in two]

    def test_only_the_control_on_full_state_is_told_what_the_expert_sees_and_stores_it(self, begin):
        student = type("Stacked", (), {"frame_stack": 2})()
        settings = {"checkpoint": "x", "checkpoint_sha256": "a" * 64, "beta": 1.0, "state": "full"}
        episode = begin(student, **settings)
        views = finish(episode, np.zeros((STEPS, 4)))
        record = episode.episode()
        assert record.proprio.shape == (STEPS, PRIVILEGED_SIZE) and record.proprio.dtype == np.float32
        assert np.array_equal(record.proprio, record.privileged.astype(np.float32))
        for step, (_, told) in enumerate(views):
            assert np.array_equal(told, record.proprio[[max(0, step - 1), step]])

    @pytest.mark.parametrize("interval", [1, 2])
    def test_looks_change_at_keyframes_and_the_steps_between_keep_theirs(self, begin, interval):
        render = RenderConfig(size=16, cameras=("corner",), keyframe_interval=interval, look_steps=2)
        episode, requests, renderer = begin(render=render), [], SketchRenderer()
        while not episode.finished:
            requests.append(episode.render_request())
            assert episode.see(renderer.render(requests[-1:])[0])
            episode.act(None)
        seeds = [request.seed for request in requests]
        assert seeds[::2] == seeds[1::2] and len(set(seeds)) == STEPS // 2
        assert episode.episode().render_seed.tolist() == seeds

    def test_the_first_picture_fills_the_stack_and_then_the_past_moves_through_it(self, begin):
        student = type("Stacked", (), {"frame_stack": 3})()
        views = finish(
            begin(student, checkpoint="x", checkpoint_sha256="a" * 64, beta=1.0), np.zeros((STEPS, 4))
        )
        newest = [frames[-1] for frames, _ in views]
        for step, (frames, proprio) in enumerate(views):
            assert len(frames) == len(proprio) == 3
            for age in range(3):
                assert np.array_equal(frames[2 - age], newest[max(0, step - age)])


class TestWhatIsActedAndRecorded:
    def test_every_label_is_the_experts_action_on_the_stored_state_exactly(self, bench, on_policy):
        jobs = [bench.job(i, max_steps=STEPS, sigma=sigma) for i, sigma in enumerate([0.0, 0.3, 1.5])]
        jobs += [
            bench.job(3 + i, max_steps=STEPS, **(on_policy | {"beta": b}))
            for i, b in enumerate([0.0, 0.5, 1.0])
        ]
        bench.run(*jobs)
        episodes = bench.episodes()
        assert len(episodes) == 6
        expert = OracleTeacher("reach-v3")
        for episode in episodes:
            again = np.stack([expert.act(privileged) for privileged in episode.privileged])
            assert again.tobytes() == episode.expert_action.tobytes()

    def test_under_beta_zero_the_student_acts_and_under_beta_one_the_expert(self, bench, on_policy):
        jobs = [bench.job(i, max_steps=STEPS, **(on_policy | {"beta": float(i)})) for i in range(2)]
        bench.run(*jobs, batch=1)
        student_acted, expert_acted = bench.episodes()
        shown = bench.student.seen[:STEPS]
        told = np.concatenate([type(bench.student)().act(*view) for view in shown])
        assert np.array_equal(student_acted.action, told)
        assert not student_acted.expert_acted.any()
        assert np.array_equal(expert_acted.action, expert_acted.expert_action)
        assert expert_acted.expert_acted.all()
        assert student_acted.meta.actor == expert_acted.meta.actor == "student"
        assert student_acted.meta.policy_version == "a" * 64

    def test_in_between_each_step_says_who_acted_and_that_is_who_acted(self, bench, on_policy):
        bench.run(*[bench.job(i, max_steps=40, **(on_policy | {"beta": 0.5})) for i in range(6)], batch=6)
        episodes = bench.episodes()
        acted = np.concatenate([episode.expert_acted for episode in episodes])
        # 240 fair draws: fewer than 75 or more than 165 have probability below 1e-8.
        assert len(acted) == 240 and 75 <= acted.sum() <= 165
        for episode in episodes:
            same = (episode.action == episode.expert_action).all(axis=1)
            assert same[episode.expert_acted].all()
            assert not same[~episode.expert_acted].any()

    def test_the_clean_teacher_is_the_expert_and_a_noisy_one_is_not(self, bench):
        bench.run(bench.job(0, max_steps=STEPS), bench.job(1, max_steps=STEPS, sigma=0.5))
        clean, noisy = bench.episodes()
        assert (clean.meta.actor, noisy.meta.actor) == ("oracle", "oracle.noise_0.5")
        assert clean.expert_acted.all() and np.array_equal(clean.action, clean.expert_action)
        assert not noisy.expert_acted.any() and not np.array_equal(noisy.action, noisy.expert_action)

    def test_everything_a_step_must_leave_behind_is_there(self, bench):
        bench.run(bench.job(0, max_steps=STEPS, seed=7))
        (episode,) = bench.episodes()
        assert len(episode) == STEPS
        assert episode.keyframe.all() and (episode.prompt_id == -1).all()
        assert len(set(episode.render_seed.tolist())) == 1
        assert (episode.step_seconds > 0).all()
        assert episode.truncated.tolist() == [False] * (STEPS - 1) + [True]
        # The picture of a step is the picture of the scene recorded with it.
        env = MetaWorldEnv("reach-v3")
        env.reset(seed=7)
        for step in range(STEPS):
            assert np.array_equal(episode.body_pos[step], env.scene_state().body_pos)
            observation = env.step(episode.action[step])[0]
            if step + 1 < STEPS:
                assert np.array_equal(episode.privileged[step + 1], observation["privileged"])

    def test_the_look_of_an_evaluation_is_never_one_of_training(self, begin):
        seeds = {
            begin(index=i, seed=seed).render_request().seed for i, seed in enumerate([0, 1, 2**24, 2**32])
        }
        assert len(seeds) == 4 and all(0 <= seed < 2**63 for seed in seeds)


class TestWhenItEnds:
    def test_a_rollout_goes_on_for_the_hold_and_an_evaluation_ends_at_the_first_success(
        self, bench, on_policy
    ):
        long = {"max_steps": 100, "hold_steps": 4, "beta": 1.0}
        evaluation = bench.job(0, purpose="evaluation", **(on_policy | long))
        bench.run(bench.job(0, **long), evaluation)
        (rollout,), (result,) = bench.episodes(), bench.results("evaluation")
        first = int(np.flatnonzero(rollout.success)[0])
        assert len(rollout) == first + 1 + 4
        assert result["success"] and result["steps"] == first + 1

    def test_an_evaluation_leaves_no_file(self, bench, on_policy):
        bench.run(bench.job(purpose="evaluation", **on_policy))
        assert bench.store.rounds() == []
        assert bench.results("evaluation")[0]["steps"] == 5

    def test_the_ledger_keeps_the_facts_of_the_episode(self, bench):
        render = RenderConfig(size=16, cameras=("corner", "corner2"), keyframe_interval=3)
        bench.run(bench.job(0, max_steps=STEPS + 1, render=render))
        (episode,), (result,) = bench.episodes(), bench.results()
        assert result == {
            "index": 0,
            "seed": 7000,
            "success": False,
            "steps": 7,
            "return": pytest.approx(float(episode.reward.sum()), rel=1e-5),
            "frames": 14,
            "render_calls": 3,
            "attempt": 1,
        }
        assert episode.keyframe.tolist() == [True, False, False, True, False, False, True]
