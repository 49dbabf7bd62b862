"""What an episode without pictures does and records; acted through a worker on in-memory twins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from potstill.envs.compress_observation import compress_observation
from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import NoisyTeacher, OracleTeacher
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.policies.expert_policy import ExpertPolicy

STEPS = 8


@pytest.fixture
def acted(trajectories):
    """Acts one rollout with these settings and gives its episode."""

    def acted(**changes):
        trajectories.run(trajectories.job(**{"max_steps": STEPS, "stop_at_success": False} | changes))
        (episode,) = trajectories.episodes()
        return episode

    return acted


@pytest.fixture
def flags(monkeypatch):
    """The task's success flag is raised exactly after these steps (1 = the first)."""

    def flags(*steps):
        look = TaskSimulation.look

        def flagged(simulation):
            observation, reward, info = look(simulation)
            return observation, reward, {**info, "success": float(simulation.steps in steps)}

        monkeypatch.setattr(TaskSimulation, "look", flagged)

    return flags


class TestLabels:
    @pytest.mark.parametrize(
        "changes",
        [{}, {"sigma": 0.5}, {"actor": "random"}, {"actor": "student"}, {"actor": "student", "beta": 0.5}],
        ids=["expert", "noisy expert", "random", "student", "mixture"],
    )
    @pytest.mark.parametrize("task", ["reach-v3", "pick-place-v3"])
    def test_every_label_is_the_oracles_action_at_the_stored_state_whoever_acts(self, acted, task, changes):
        episode = acted(task=task, **changes)
        oracle = OracleTeacher(task)
        assert len(episode) == STEPS
        assert np.array_equal(episode.expert_action, [oracle.act(row) for row in episode.privileged])
        assert episode.meta.expert == "oracle" and episode.expert_log_std is None

    @pytest.mark.parametrize("actor", ["expert", "random", "student"])
    def test_a_trained_expert_labels_with_its_mean_and_its_spread(self, acted, sac_expert, actor):
        episode = acted(expert=sac_expert, actor=actor)
        expert = ExpertPolicy.load(Path(sac_expert.folder))
        mu, log_std = expert.distribution(episode.privileged)
        assert np.array_equal(episode.expert_action, mu)
        assert np.array_equal(episode.expert_log_std, log_std)
        assert episode.meta.expert == expert.name

    def test_an_expert_of_another_robot_is_refused(self, trajectories, sac_expert):
        trajectories.put(trajectories.job(robot="ur5e", expert=sac_expert), max_attempts=1)
        assert trajectories.work(trajectories.worker()).dead == 1
        assert "ur5e" in trajectories.queue.dead_letters()[0].error


class TestWhoActs:
    def test_the_expert_executes_its_own_label(self, acted, sac_expert):
        episode = acted(expert=sac_expert)
        assert np.array_equal(episode.action, episode.expert_action)
        assert episode.expert_acted.all()
        assert episode.meta.actor == episode.meta.policy_version == f"expert.{sac_expert.sha256[:12]}"

    def test_a_noisy_expert_acts_like_the_noisy_teacher(self, acted):
        episode = acted(sigma=0.4)
        teacher = NoisyTeacher(
            OracleTeacher("reach-v3"), sigma=0.4, rng=np.random.default_rng((episode.meta.seed, 0xAC70))
        )
        assert np.array_equal(episode.action, [teacher.act(row) for row in episode.privileged])
        assert not episode.expert_acted.any()
        assert episode.meta.actor == "oracle.noise_0.4"

    def test_a_random_actor_covers_the_action_space_and_another_seed_acts_otherwise(self, trajectories):
        jobs = [
            trajectories.job(i, actor="random", max_steps=200, stop_at_success=False, seed=seed)
            for i, seed in enumerate([5, 6])
        ]
        trajectories.run(*jobs)
        one, two = trajectories.episodes()
        assert one.meta.actor == "random" and not one.expert_acted.any()
        assert np.abs(one.action).max() <= 1.0
        assert np.all(one.action.min(0) < -0.9) and np.all(one.action.max(0) > 0.9)
        assert np.all(np.abs(one.action.mean(0)) < 0.15)
        assert abs(np.corrcoef(one.action[:-1, 0], one.action[1:, 0])[0, 1]) < 0.25
        assert not np.array_equal(one.action, two.action)

    @pytest.mark.parametrize(("beta", "share"), [(0.0, 0.0), (1.0, 1.0)])
    def test_beta_at_its_ends_leaves_nothing_to_chance(self, acted, beta, share):
        episode = acted(actor="student", beta=beta)
        assert episode.expert_acted.mean() == share
        assert np.array_equal(episode.action, episode.expert_action) == bool(share)
        assert episode.meta.actor == "student" and episode.meta.policy_version == "a" * 64

    def test_beta_is_the_share_of_steps_in_which_the_experts_action_is_executed(self, acted, trajectories):
        episode = acted(actor="student", beta=0.3, max_steps=200)
        turns = episode.expert_acted
        assert 0.2 < turns.mean() < 0.4
        assert np.array_equal(episode.action[turns], episode.expert_action[turns])
        shown = list(trajectories.student.seen)
        own = [trajectories.student.act(windows, [task])[0] for windows, _, task in shown]
        assert np.array_equal(episode.action[~turns], np.array(own)[~turns])


class TestWhatTheStudentSees:
    def test_its_windows_are_those_that_training_gathers_from_the_stored_episodes(
        self, trajectories, tmp_path
    ):
        # GIVEN two episodes that a student has acted
        trajectories.run(
            *(
                trajectories.job(i, actor="student", beta=0.3, max_steps=STEPS, stop_at_success=False)
                for i in (0, 1)
            )
        )
        trajectories.store.seal(0, requested=2)
        # WHEN training gathers the windows of their rows
        table = TrajectoryTable(trajectories.store, [0], cache=tmp_path / "cache", split_seed=0)
        rows = np.arange(2 * STEPS)
        gathered = table.windows(rows, trajectories.student.window)
        # THEN they are what the student was shown, step by step and episode by episode
        shown = sorted(range(2 * STEPS), key=lambda place: (place % 2, place))
        for name in ("states", "actions", "rewards", "valid"):
            live = [getattr(trajectories.student.seen[place][0], name)[place % 2] for place in shown]
            assert np.array_equal(getattr(gathered, name), live), name
        assert {task for _, _, task in trajectories.student.seen} == {"reach-v3"}


class TestRecord:
    def test_it_is_an_ordinary_episode_without_pictures(self, acted):
        episode = acted(robot="ur5e", dynamics=DynamicsConfig(mass_scale=1.5))
        heavy = TaskSimulation("reach-v3", robot="ur5e", dynamics=DynamicsConfig(mass_scale=1.5))
        assert (episode.meta.robot, episode.meta.model_hash) == ("ur5e", heavy.model_hash)
        assert (episode.meta.painter, episode.meta.painter_version, episode.meta.cameras) == ("none", "", ())
        assert episode.frames.shape == (STEPS, 0, 0, 0, 3) and episode.camera_pose.shape == (STEPS, 0, 12)
        assert episode.body_pos.shape == episode.site_pos.shape == (STEPS, 0, 3)
        compressed = compress_observation(episode.privileged).astype(np.float32)
        assert np.array_equal(episode.proprio, compressed)
        assert episode.truncated.tolist() == [False] * (STEPS - 1) + [True]

    def test_the_stored_actions_lead_to_the_stored_states_and_rewards(self, acted):
        episode = acted(task="drawer-close-v3", actor="random")
        simulation = TaskSimulation("drawer-close-v3")
        observation = simulation.reset(episode.meta.seed)
        for step in range(STEPS):
            assert np.array_equal(episode.privileged[step], observation)
            observation, reward, info = simulation.step(episode.action[step])
            assert episode.reward[step] == np.float32(reward)
            assert episode.success[step] == bool(info["success"])


class TestEnd:
    @pytest.mark.parametrize(
        ("success_at", "settings", "steps", "success", "final"),
        [
            ((3, 4), {"stop_at_success": False}, 8, True, False),
            ((3, 8), {"stop_at_success": False}, 8, True, True),
            ((), {"stop_at_success": False}, 8, False, False),
            ((3,), {"hold_steps": 0}, 3, True, True),
            ((3,), {"hold_steps": 2}, 5, True, False),
            ((7,), {"hold_steps": 5}, 8, True, False),
        ],
    )
    @pytest.mark.parametrize("purpose", ["rollout", "evaluation"])
    def test_success_at_any_step_and_at_the_last(
        self, trajectories, flags, purpose, success_at, settings, steps, success, final
    ):
        flags(*success_at)
        trajectories.run(trajectories.job(max_steps=STEPS, purpose=purpose, **settings))
        (result,) = trajectories.results(purpose)
        assert (result["steps"], result["success"], result["final_success"]) == (steps, success, final)
        assert len(trajectories.episodes()) == (purpose == "rollout")

    def test_the_result_tells_which_cell_it_is_of_and_the_sum_of_rewards(self, trajectories):
        trajectories.run(trajectories.job(4, task="window-open-v3", robot="panda"))
        (episode,), (result,) = trajectories.episodes(), trajectories.results()
        assert result.pop("return") == pytest.approx(float(episode.reward.sum()), rel=1e-6)
        assert result == {
            "index": 4, "seed": 7004, "task": "window-open-v3", "robot": "panda", "success": False,
            "final_success": False, "steps": 5, "frames": 0, "render_calls": 0, "attempt": 1,
        }  # fmt: skip

    def test_an_evaluation_of_a_student_asks_no_expert(self, trajectories, sac_expert):
        # GIVEN an expert that would refuse this robot
        job = trajectories.job(
            purpose="evaluation", actor="student", robot="ur5e", expert=sac_expert, store=""
        )
        assert trajectories.run(job).done == 1
