"""The trajectory worker: the same episodes in any company, and every task counted once among faults."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from potstill.actors.trajectory_worker import TrajectoryWorker
from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import TaskSimulation
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import StoreFullError
from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper


def counts(ledger):
    return {name: count for name, count in vars(ledger).items() if count}


class Unheard(MemoryLeaseKeeper):
    """A lease keeper whose heart has stopped: it extends nothing, and hears of a loss only when not ``deaf``."""

    def __init__(self, queue):
        super().__init__(queue, lease_seconds=10.0, owner="zombie", facts={})
        self.deaf = True

    def lost(self):
        return frozenset() if self.deaf else super().lost()


class TestEqualWhereverItRuns:
    def test_an_episode_is_the_same_bytes_from_any_worker_among_any_neighbours(
        self, trajectories, same_except_timing, sac_expert
    ):
        settings = [
            {}, {"sigma": 0.7}, {"actor": "random"}, {"actor": "student", "beta": 0.4}, {"actor": "student"},
            {"task": "push-v3", "robot": "panda", "actor": "student"}, {"expert": sac_expert, "sigma": 0.2},
            {"dynamics": DynamicsConfig(action_noise=0.2, observation_noise=0.01), "actor": "student"},
        ]  # fmt: skip
        jobs = [trajectories.job(i, max_steps=12, **changes) for i, changes in enumerate(settings)]
        trajectories.put(*jobs)
        trajectories.work(trajectories.worker(batch=8))
        trajectories.put(*[replace(job, round=1) for job in jobs[::-1]])
        trajectories.work(trajectories.worker("one", batch=1), trajectories.worker("two", batch=2))
        first, second = trajectories.episodes(0), trajectories.episodes(1)
        assert len(first) == len(second) == len(jobs)
        for one, two in zip(first, second):
            assert same_except_timing(one, replace(two, meta=replace(two.meta, round=0)))
        assert len({episode.action.tobytes() for episode in first}) == len(jobs)  # not vacuous

    def test_a_used_simulation_leaves_no_trace_in_the_next_episode(self, trajectories, same_except_timing):
        jobs = [
            trajectories.job(i, actor="random", max_steps=12, seed=99 if i in (0, 3) else i) for i in range(4)
        ]
        trajectories.run(*jobs, batch=1)
        episodes = trajectories.episodes()
        assert same_except_timing(episodes[0], replace(episodes[3], meta=episodes[0].meta))

    def test_the_student_acts_for_the_whole_batch_at_once(self, trajectories):
        trajectories.run(
            *(
                trajectories.job(i, actor="student", task=task)
                for i, task in enumerate(["reach-v3", "push-v3"] * 2)
            )
        )
        assert len(trajectories.student.seen) == 4 * 5
        assert {len(windows) for windows, *_ in trajectories.student.seen} == {4}
        assert [task for *_, task in trajectories.student.seen[:4]] == ["reach-v3", "push-v3"] * 2


class TestMemory:
    def test_simulations_are_built_once_and_used_again(self, trajectories, monkeypatch):
        built = []
        build = TaskSimulation.__init__

        def counted(simulation, task, **settings):
            built.append(task)
            build(simulation, task, **settings)

        monkeypatch.setattr(TaskSimulation, "__init__", counted)
        trajectories.run(*(trajectories.job(i, max_steps=2) for i in range(9)), batch=3)
        assert built == ["reach-v3"] * 3

    def test_students_of_several_checkpoints_act_side_by_side_and_each_is_loaded_once(self, trajectories):
        loaded = []

        class Constant:
            window = 1

            def __init__(self, value):
                self.version, self.value = "", value

            def act(self, windows, tasks):
                return np.full((len(tasks), 4), self.value, np.float32)

        def load(folder, sha256):
            loaded.append((folder, sha256))
            return Constant(float(folder))

        jobs = [
            trajectories.job(i, actor="student", checkpoint=("0.25", "-0.5")[i % 2], max_steps=2)
            for i in range(8)
        ]
        trajectories.put(*jobs)
        trajectories.work(trajectories.worker(load_student=load))
        assert loaded == [("0.25", "a" * 64), ("-0.5", "a" * 64)]
        executed = [set(episode.action.ravel().tolist()) for episode in trajectories.episodes()]
        assert executed == [{0.25}, {-0.5}] * 4


class TestFaults:
    @pytest.mark.parametrize("method", ["push", "look", "reset"])
    def test_an_episode_that_raises_fails_its_own_task_and_the_others_finish(
        self, trajectories, monkeypatch, method
    ):
        original = getattr(TaskSimulation, method)

        def explode(simulation, *arguments):
            if simulation.robot == "panda":
                raise FloatingPointError("the physics exploded")
            return original(simulation, *arguments)

        monkeypatch.setattr(TaskSimulation, method, explode)
        jobs = [trajectories.job(i, robot="panda" if i == 2 else "sawyer") for i in range(5)]
        assert counts(trajectories.run(*jobs)) == {"submitted": 5, "done": 4, "dead": 1}
        (letter,) = trajectories.queue.dead_letters()
        assert letter.task.id.endswith("00002") and letter.attempts == 3
        assert "the physics exploded" in letter.error
        assert [entry.index for entry in trajectories.store.entries(0)] == [0, 1, 3, 4]

    def test_a_student_that_raises_fails_its_own_tasks_and_not_those_of_others(self, trajectories):
        class Sick:
            version, window = "", 3

            def act(self, windows, tasks):
                raise RuntimeError("no weights")

        worker = trajectories.worker(
            load_student=lambda folder, sha256: Sick() if folder == "sick" else trajectories.student
        )
        trajectories.put(
            trajectories.job(0),
            trajectories.job(1, actor="student"),
            trajectories.job(2, actor="student", checkpoint="sick"),
            max_attempts=2,
        )
        assert counts(trajectories.work(worker)) == {"submitted": 3, "done": 2, "dead": 1}
        assert "no weights" in trajectories.queue.dead_letters()[0].error
        assert {result["attempt"] for result in trajectories.results()} == {1}

    def test_an_action_that_is_not_a_number_never_reaches_the_simulation(self, trajectories):
        class Drunk:
            version, window = "", 1

            def act(self, windows, tasks):
                return np.where(np.array(tasks)[:, None] == "push-v3", np.nan, np.zeros((1, 4))).astype(
                    np.float32
                )

        trajectories.put(
            *(
                trajectories.job(i, actor="student", task=task)
                for i, task in enumerate(["push-v3", "reach-v3"])
            ),
            max_attempts=1,
        )
        worker = trajectories.worker(load_student=lambda folder, sha256: Drunk())
        assert counts(trajectories.work(worker)) == {"submitted": 2, "done": 1, "dead": 1}
        assert "the student's action at step 0 is not finite" in trajectories.queue.dead_letters()[0].error

    def test_a_checkpoint_that_cannot_be_loaded_fails_only_the_tasks_that_need_it(self, trajectories):
        def load(folder, sha256):
            raise OSError(f"{folder}: missing")

        trajectories.put(trajectories.job(0), trajectories.job(1, actor="student"), max_attempts=1)
        ledger = trajectories.work(trajectories.worker(load_student=load))
        assert counts(ledger) == {"submitted": 2, "done": 1, "dead": 1}
        assert "somewhere: missing" in trajectories.queue.dead_letters()[0].error

    def test_a_payload_nobody_understands_becomes_a_dead_letter(self, trajectories):
        (task,) = trajectories.put(trajectories.job(0))
        trajectories.queue.put([replace(task, id="strange", payload={"colour": "red"})])
        assert counts(trajectories.work(trajectories.worker())) == {"submitted": 2, "done": 1, "dead": 1}

    def test_a_commit_that_fails_fails_its_own_task(self, trajectories, monkeypatch):
        commit = EpisodeStore.commit

        def full_for_one(store, episode):
            if episode.meta.index == 1:
                raise StoreFullError("no space")
            return commit(store, episode)

        monkeypatch.setattr(EpisodeStore, "commit", full_for_one)
        ledger = trajectories.run(*(trajectories.job(i) for i in range(4)))
        assert counts(ledger) == {"submitted": 4, "done": 3, "dead": 1}
        assert "no space" in trajectories.queue.dead_letters()[0].error

    def test_a_batch_of_nothing_is_refused(self, trajectories):
        with pytest.raises(ValueError, match="batch must be at least 1: got 0"):
            trajectories.worker(batch=0)


class TestLeases:
    def test_a_lost_lease_drops_the_episode_and_never_commits(self, trajectories):
        # GIVEN a worker in the middle of an episode
        trajectories.put(trajectories.job(0))
        leases = Unheard(trajectories.queue)
        zombie = trajectories.worker("zombie", leases=leases)
        for _ in range(3):
            zombie.tick()
        # WHEN its lease expires and another worker takes the task
        trajectories.clock.now += 60
        heir = trajectories.worker("heir")
        heir.tick()
        leases.deaf = False
        # THEN the zombie lets go at once, and the heir's episode is the one that counts
        assert not zombie.tick() and zombie.episodes == 0
        assert trajectories.store.entries(0) == []
        assert counts(trajectories.work(heir)) == {"submitted": 1, "done": 1}
        assert trajectories.results()[0]["attempt"] == 2

    def test_a_zombie_that_has_not_heard_of_its_loss_does_not_commit(self, trajectories):
        trajectories.put(trajectories.job(0, max_steps=3))
        zombie = trajectories.worker("zombie", leases=Unheard(trajectories.queue))
        zombie.tick()
        trajectories.clock.now += 60
        (lease,) = trajectories.queue.lease(["rollout"], owner="heir", lease_seconds=60, wait_seconds=0)
        while zombie.tick():
            pass
        assert trajectories.store.entries(0) == []
        trajectories.queue.ack(lease, {})
        assert counts(trajectories.queue.ledger()) == {"submitted": 1, "done": 1}

    def test_a_cancelled_episode_is_let_go(self, trajectories):
        trajectories.put(trajectories.job(0))
        worker = trajectories.worker()
        assert worker.tick()
        trajectories.queue.cancel("rollout")
        assert not worker.tick()
        assert counts(trajectories.queue.ledger()) == {"submitted": 1, "cancelled": 1}

    def test_a_graceful_stop_commits_what_is_finished_and_gives_the_rest_back_untouched(self, trajectories):
        jobs = [
            trajectories.job(i, max_steps=steps, stop_at_success=False)
            for i, steps in enumerate([2, 2, 50, 50])
        ]
        trajectories.put(*jobs, max_attempts=1)
        ticks = iter([False] * 3 + [True])
        trajectories.worker().run(lambda: next(ticks))
        assert counts(trajectories.queue.ledger()) == {"submitted": 4, "done": 2, "waiting": 2}
        assert counts(trajectories.work(trajectories.worker("next"))) == {"submitted": 4, "done": 4}
        assert [result["attempt"] for result in trajectories.results()] == [1] * 4

    def test_evaluations_overtake_rollouts(self, trajectories):
        rollout = trajectories.job(0)
        evaluation = trajectories.job(1, purpose="evaluation", actor="student")
        first, second = trajectories.put(rollout), trajectories.put(evaluation)
        trajectories.queue.purge()
        trajectories.queue.put([replace(first[0], priority=1), replace(second[0], priority=5)])
        trajectories.worker(batch=1).tick()
        assert trajectories.queue.depth() == {"rollout": 1}


def test_the_next_episodes_do_not_wait_for_a_slow_disk(trajectories, monkeypatch):
    # GIVEN a disk that is not done with the first episodes before those after them were acted
    commit, acted, went_on = EpisodeStore.commit, [], []
    look = TaskSimulation.look
    monkeypatch.setattr(TaskSimulation, "look", lambda simulation: acted.append(1) or look(simulation))

    def slow_commit(store, episode):
        deadline = time.monotonic() + 30
        while len(acted) < 8 and time.monotonic() < deadline:
            time.sleep(0.001)
        went_on.append(len(acted) >= 8)
        return commit(store, episode)

    monkeypatch.setattr(EpisodeStore, "commit", slow_commit)
    # WHEN four are acted, two at a time, two steps each, which end together
    assert trajectories.run(*(trajectories.job(i, max_steps=2) for i in range(4)), batch=2).done == 4
    # THEN the last two were acted meanwhile
    assert went_on == [True] * 4


def test_an_idle_worker_waits_and_a_busy_one_does_not(trajectories):
    waits = []
    lease = trajectories.queue.lease

    def noted(kinds, *, wait_seconds, **settings):
        waits.append(wait_seconds)
        return lease(kinds, wait_seconds=0.0, **settings)

    trajectories.queue.lease = noted
    worker: TrajectoryWorker = trajectories.worker()
    worker.tick(wait_seconds=1.0)
    trajectories.put(trajectories.job(0))
    worker.tick(wait_seconds=1.0)
    worker.tick(wait_seconds=1.0)
    assert waits == [1.0, 1.0, 0.0]
