"""The rollout worker among faults: every task is counted once, and the worker lives."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from potstill.actors.render_channel import LocalRenderChannel
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.rendering.sketch_renderer import SketchRenderer
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import StoreFullError
from potstill.queues.errors import LeaseLostError, RpcTimeoutError
from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper


def counts(ledger):
    return {name: count for name, count in vars(ledger).items() if count}


class PickySketch(SketchRenderer):
    """Cannot draw with the painter ``randomised``."""

    def render(self, requests):
        if any(request.painter == "randomised" for request in requests):
            raise ValueError("out of paint")
        return super().render(requests)


class SometimesBroken(SketchRenderer):
    """The first calls fail."""

    def __init__(self, failures):
        super().__init__()
        self.failures = failures

    def render(self, requests):
        if self.failures:
            self.failures -= 1
            raise ValueError("context lost")
        return super().render(requests)


class TestEqualWhereverItRuns:
    def test_an_episode_is_the_same_bytes_from_any_worker_among_any_neighbours(
        self, bench, on_policy, same_except_timing
    ):
        settings = [{}, {"sigma": 0.7}, on_policy | {"beta": 0.4}, on_policy, {"sigma": 0.2}]
        jobs = [bench.job(i, **changes) for i, changes in enumerate(settings)]
        bench.put(*jobs)
        bench.work(bench.worker(batch=5))
        bench.put(*[replace(job, round=1) for job in jobs])
        bench.work(bench.worker("worker-1", batch=1), bench.worker("worker-2", batch=2))
        first, second = bench.episodes(0), bench.episodes(1)
        assert len(first) == len(second) == 5
        for one, two in zip(first, second):
            two = replace(two, meta=replace(two.meta, round=0))
            assert same_except_timing(one, two)

    def test_a_used_environment_leaves_no_trace_in_the_next_episode(self, bench, same_except_timing):
        bench.run(*[bench.job(i, seed=99 if i in (0, 3) else i) for i in range(4)], batch=1)
        episodes = bench.episodes()
        assert same_except_timing(episodes[0], replace(episodes[3], meta=episodes[0].meta))

    def test_the_painter_is_called_once_per_interval_for_each_rollout(self, bench):
        render = RenderConfig(size=16, cameras=("corner",), keyframe_interval=4, max_invalid_fraction=1.0)
        bench.run(*[bench.job(i, max_steps=steps, render=render) for i, steps in enumerate([9, 8, 1])])
        assert [result["render_calls"] for result in bench.results()] == [3, 2, 1]
        assert bench.renderer.painted == 6

    def test_pictures_of_a_whole_half_are_asked_for_at_once(self, bench):
        bench.run(*[bench.job(i) for i in range(8)], batch=8)
        assert bench.renderer.painted == 8 * 5
        assert bench.renderer.batches == 2 * 5


class Diary(LocalRenderChannel):
    """Writes down what is asked for and when the other half's pictures are wanted first."""

    def __init__(self, renderer):
        super().__init__(renderer)
        self.lines = []

    def submit(self, requests, *, before=None):
        self.lines.append((len(requests), before is not None))
        return super().submit(requests, before=before)


class TestTurns:
    def test_each_half_asks_together_with_its_wait_for_the_other(self, bench):
        diary = Diary(bench.renderer)
        bench.run(*[bench.job(i, max_steps=3, hold_steps=9) for i in range(4)], pictures=diary)
        assert diary.lines == [(2, False)] + [(2, True)] * 5

    def test_the_next_scenes_do_not_wait_for_a_slow_disk(self, bench, monkeypatch):
        # GIVEN a disk that is not done with the first episode before those after it have begun
        diary, commit, went_on = Diary(bench.renderer), EpisodeStore.commit, []

        def slow_commit(store, episode):
            deadline = time.monotonic() + 30
            while len(diary.lines) < 6 and time.monotonic() < deadline:
                time.sleep(0.001)
            went_on.append(len(diary.lines) >= 6)
            return commit(store, episode)

        monkeypatch.setattr(EpisodeStore, "commit", slow_commit)
        # WHEN eight are acted, four at a time, two steps each
        bench.put(*[bench.job(i, max_steps=2, hold_steps=9) for i in range(8)])
        assert bench.work(bench.worker(batch=4, pictures=diary)).done == 8
        # THEN their scenes went out meanwhile
        assert went_on == [True] * 8

    def test_a_commit_that_fails_fails_its_own_task(self, bench, monkeypatch):
        commit = EpisodeStore.commit

        def full_for_one(store, episode):
            if episode.meta.index == 1:
                raise StoreFullError("no space")
            return commit(store, episode)

        monkeypatch.setattr(EpisodeStore, "commit", full_for_one)
        ledger = bench.run(*[bench.job(i) for i in range(4)])
        assert counts(ledger) == {"submitted": 4, "done": 3, "dead": 1}
        assert "no space" in bench.queue.dead_letters()[0].error

    def test_a_lease_lost_before_the_commit_leaves_nothing(self, bench, monkeypatch):
        # GIVEN a finished episode whose task is taken away just before its commit
        bench.put(bench.job(0, max_steps=1))
        worker = bench.worker(batch=1)
        extend = bench.queue.extend

        def late_extend(leases, **settings):
            bench.queue.cancel("rollout")
            return extend(leases, **settings)

        monkeypatch.setattr(bench.queue, "extend", late_extend)
        # WHEN the worker goes on
        while worker.tick():
            pass
        # THEN nothing is committed
        assert bench.store.entries(0) == [] and worker.episodes == 0
        assert counts(bench.queue.ledger()) == {"submitted": 1, "cancelled": 1}

    def test_a_graceful_stop_commits_what_is_finished(self, bench):
        bench.put(*[bench.job(i, max_steps=steps, hold_steps=9) for i, steps in enumerate([2, 2, 2, 9])])
        ticks = iter([False] * 3 + [True])
        bench.worker(batch=6).run(lambda: next(ticks))
        assert counts(bench.queue.ledger()) == {"submitted": 4, "done": 3, "waiting": 1}
        assert len(bench.store.entries(0)) == 3


class TestFaults:
    def test_a_rollout_that_raises_fails_its_own_task_and_the_others_finish(self, bench, monkeypatch):
        step = MetaWorldEnv.step

        def explode(env, action):
            if env.np_random_seed == 7002:
                raise FloatingPointError("the physics exploded")
            return step(env, action)

        monkeypatch.setattr(MetaWorldEnv, "step", explode)
        ledger = bench.run(*[bench.job(i) for i in range(5)])
        assert counts(ledger) == {"submitted": 5, "done": 4, "dead": 1}
        (letter,) = bench.queue.dead_letters()
        assert letter.task.id.endswith("00002") and letter.attempts == 3
        assert "the physics exploded" in letter.error
        assert [entry.index for entry in bench.store.entries(0)] == [0, 1, 3, 4]

    def test_a_scene_that_cannot_be_drawn_fails_its_own_task_and_its_neighbours_lose_no_attempt(self, bench):
        poison = bench.job(
            1, render=RenderConfig(size=16, cameras=("corner", "corner2"), painter="randomised")
        )
        ledger = bench.run(
            bench.job(0), poison, bench.job(2), bench.job(3), pictures=LocalRenderChannel(PickySketch())
        )
        assert counts(ledger) == {"submitted": 4, "done": 3, "dead": 1}
        assert [result["attempt"] for result in bench.results()] == [1, 1, 1]
        assert "out of paint" in bench.queue.dead_letters()[0].error

    def test_a_renderer_that_recovers_costs_attempts_and_no_episode(self, bench):
        ledger = bench.run(*[bench.job(i) for i in range(4)], pictures=LocalRenderChannel(SometimesBroken(4)))
        assert counts(ledger) == {"submitted": 4, "done": 4}

    def test_when_nobody_draws_the_tasks_fail_after_one_wait_and_the_worker_lives(self, bench):
        class Silent:
            asked = 0

            def submit(self, requests, *, before=None):
                Silent.asked += 1
                return self

            def result(self):
                raise RpcTimeoutError("no reply")

        bench.put(*[bench.job(i) for i in range(4)], max_attempts=1)
        ledger = bench.work(bench.worker(pictures=Silent()))
        assert counts(ledger) == {"submitted": 4, "dead": 4}
        assert Silent.asked == 2

    def test_a_student_that_raises_fails_the_tasks_and_the_worker_lives(self, bench, on_policy):
        class Sick:
            frame_stack = 1

            def act(self, frames, proprio):
                raise RuntimeError("no weights")

        bench.put(*[bench.job(i, **on_policy) for i in range(3)], max_attempts=2)
        worker = bench.worker(student=Sick())
        assert counts(bench.work(worker)) == {"submitted": 3, "dead": 3}
        assert all("no weights" in letter.error for letter in bench.queue.dead_letters())
        bench.put(bench.job(7))
        assert bench.work(worker).done == 1

    def test_an_action_that_is_not_a_number_never_reaches_the_environment(self, bench, on_policy):
        class Drunk:
            frame_stack = 1

            def act(self, frames, proprio):
                return np.where(np.arange(len(frames))[:, None] == 0, np.nan, np.zeros((1, 4))).astype(
                    np.float32
                )

        bench.put(bench.job(0, purpose="evaluation", **on_policy), max_attempts=1)
        assert bench.work(bench.worker(student=Drunk())).dead == 1
        assert "the student's action at step 0 is not finite" in bench.queue.dead_letters()[0].error

    def test_a_checkpoint_that_cannot_be_loaded_fails_only_the_tasks_that_need_it(self, bench, on_policy):
        worker = bench.worker()

        def load(folder, sha256):
            raise OSError(f"{folder}: missing")

        worker._load_student = load
        bench.put(bench.job(0), bench.job(1, **on_policy), max_attempts=1)
        assert counts(bench.work(worker)) == {"submitted": 2, "done": 1, "dead": 1}
        assert "somewhere: missing" in bench.queue.dead_letters()[0].error

    def test_a_payload_nobody_understands_becomes_a_dead_letter(self, bench):
        (task,) = bench.put(bench.job(0))
        bench.queue.put([replace(task, id="strange", payload={"colour": "red"})])
        assert counts(bench.work(bench.worker())) == {"submitted": 2, "done": 1, "dead": 1}


class TestLeases:
    def test_a_lost_lease_drops_the_episode_and_never_commits(self, bench):
        # GIVEN a worker in the middle of an episode
        bench.put(bench.job(0))
        leases = Unheard(bench.queue)
        zombie = bench.worker("zombie", leases=leases)
        for _ in range(3):
            zombie.tick()
        # WHEN its lease expires and another worker takes the task
        bench.clock.now += 60
        heir = bench.worker("heir")
        heir.tick()
        leases.deaf = False
        zombie.tick()
        # THEN the zombie lets go at once, and the heir's episode is the one that counts
        assert not zombie._busy and zombie.episodes == 0
        assert bench.store.entries(0) == []
        ledger = bench.work(heir)
        assert counts(ledger) == {"submitted": 1, "done": 1}
        assert bench.results()[0]["attempt"] == 2

    def test_a_zombie_that_has_not_heard_of_its_loss_does_not_commit(self, bench):
        # GIVEN a worker whose news of the loss is late, with a finished episode in its hands
        bench.put(bench.job(0, max_steps=3))
        zombie = bench.worker("zombie", leases=Unheard(bench.queue))
        for _ in range(3):
            zombie.tick()
        bench.clock.now += 60
        (lease,) = bench.queue.lease(["rollout"], owner="heir", lease_seconds=60, wait_seconds=0)
        # WHEN it would commit
        while zombie.tick():
            pass
        # THEN the store is as it was, and the heir still holds the task
        assert bench.store.entries(0) == []
        bench.queue.ack(lease, {})
        assert counts(bench.queue.ledger()) == {"submitted": 1, "done": 1}

    def test_a_cancelled_episode_is_let_go(self, bench):
        bench.put(bench.job(0))
        worker = bench.worker()
        worker.tick()
        bench.queue.cancel("rollout")
        worker.tick()
        assert not worker._busy
        assert counts(bench.queue.ledger()) == {"submitted": 1, "cancelled": 1}

    def test_an_episode_committed_before_its_acknowledgement_was_lost_counts_once(self, bench):
        # GIVEN a worker that died between commit and acknowledgement
        bench.put(bench.job(0))
        lost = bench.worker("unlucky")

        def no_ack(lease, result=None):
            raise LeaseLostError("the connection broke")

        ack, bench.queue.ack = bench.queue.ack, no_ack
        while lost.tick():
            pass
        bench.queue.ack = ack
        committed = bench.store.entries(0)
        assert len(committed) == 1
        # WHEN the task is delivered again
        bench.clock.now += 60
        ledger = bench.work(bench.worker("heir"))
        # THEN the first commit stands, and is counted once
        assert counts(ledger) == {"submitted": 1, "done": 1}
        assert bench.store.entries(0) == committed
        assert bench.store.remove_orphans(0) == []

    def test_a_graceful_stop_gives_unfinished_tasks_back_without_counting_an_attempt(self, bench):
        bench.put(*[bench.job(i, max_steps=50) for i in range(3)], max_attempts=1)
        worker = bench.worker(batch=2)
        ticks = iter([False] * 4 + [True])
        worker.run(lambda: next(ticks))
        assert counts(bench.queue.ledger()) == {"submitted": 3, "waiting": 3}
        ledger = bench.work(bench.worker("next"))
        assert counts(ledger) == {"submitted": 3, "done": 3}
        assert [result["attempt"] for result in bench.results()] == [1, 1, 1]

    def test_evaluations_overtake_rollouts(self, bench, on_policy):
        rollout, evaluation = bench.job(0), bench.job(1, purpose="evaluation", **on_policy)
        first, second = bench.put(rollout), bench.put(evaluation)
        bench.queue.purge()
        bench.queue.put([replace(first[0], priority=1), replace(second[0], priority=5)])
        worker = bench.worker(batch=1)
        worker.tick()
        assert bench.queue.depth() == {"rollout": 1}


class Unheard(MemoryLeaseKeeper):
    """A lease keeper whose heart has stopped: it extends nothing, and hears of a loss only when not ``deaf``."""

    def __init__(self, queue):
        super().__init__(queue, lease_seconds=10.0, owner="zombie", facts={})
        self.deaf = True

    def lost(self):
        return frozenset() if self.deaf else super().lost()
