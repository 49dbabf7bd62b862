"""A rollout worker on in-memory twins: queue, lease keeper, renderer, student."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from potstill.actors.render_channel import LocalRenderChannel
from potstill.actors.rollout_job import RolloutJob
from potstill.actors.rollout_worker import RolloutWorker
from potstill.actors.teacher_source import TeacherSource
from potstill.actors.trajectory_job import TrajectoryJob
from potstill.actors.trajectory_worker import TrajectoryWorker
from potstill.actors.work_meter import WorkMeter
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.rendering.sketch_renderer import SketchRenderer
from potstill.experience.episode_store import EpisodeStore
from potstill.policies.expert_policy import ExpertPolicy
from potstill.queues.memory_lease_keeper import MemoryLeaseKeeper
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.task import Task

LEASE_SECONDS = 10.0


class PictureStudent:
    """Its action is a fixed function of the newest picture and proprioception; remembers what it was shown."""

    def __init__(self, frame_stack=1):
        self.frame_stack = frame_stack
        self.seen = []

    def act(self, frames, proprio):
        self.seen.append((frames.copy(), proprio.copy()))
        colours = frames[:, -1, 0, :2, :2, 0].reshape(len(frames), 4) / np.float32(127.5) - 1
        return np.clip(colours + 0.1 * proprio[:, -1], -1, 1).astype(np.float32)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Bench:
    """One queue, one store and any number of workers on it."""

    def __init__(self, folder):
        self.clock = Clock()
        self.queue = MemoryTaskQueue(clock=self.clock, retry_backoff_seconds=0.0)
        self.url = str(folder)
        self.store = EpisodeStore(folder)
        self.student = PictureStudent()
        self.renderer = SketchRenderer()

    def job(self, index=0, **changes):
        job = RolloutJob(
            purpose="rollout", run="test", round=0, index=index, task="reach-v3", seed=7000 + index, sigma=0.0,
            checkpoint="", checkpoint_sha256="", beta=1.0, max_steps=5, hold_steps=2,
            store=self.url, render=RenderConfig(size=16, cameras=("corner", "corner2")),
        )  # fmt: skip
        return replace(job, **changes)

    def put(self, *jobs, max_attempts=3):
        tasks = [
            Task(
                id=f"{job.purpose}.{job.round}.{job.index:05d}", kind=job.purpose, group=job.purpose,
                payload=job.to_payload(), max_attempts=max_attempts,
            )
            for job in jobs
        ]  # fmt: skip
        self.queue.put(tasks)
        return tasks

    def worker(self, owner="worker-0", *, batch=4, pictures=None, student=None, leases=None):
        settings = {"lease_seconds": LEASE_SECONDS, "owner": owner}
        leases = leases or MemoryLeaseKeeper(self.queue, facts={"kind": "rollout"}, **settings)
        return RolloutWorker(
            queue=self.queue,
            leases=leases,
            pictures=pictures or LocalRenderChannel(self.renderer),
            load_student=lambda folder, sha256: student or self.student,
            open_store=functools.cache(EpisodeStore),
            batch=batch,
            meter=WorkMeter(leases.report),
            **settings,
        )

    def work(self, *workers, ticks=2000):
        """Let the workers take turns until nothing is left to do."""
        for _ in range(ticks):
            busy = [worker.tick() for worker in workers]
            if not any(busy) and self.queue.ledger().settled:
                return self.queue.ledger()
        raise AssertionError(f"still not done: {self.queue.ledger()}")

    def run(self, *jobs, batch=4, **settings):
        """Put the jobs and let one worker do them."""
        self.put(*jobs)
        return self.work(self.worker(batch=batch, **settings))

    def episodes(self, round=0):
        return [self.store.load(entry) for entry in self.store.entries(round)]

    def results(self, group="rollout"):
        return list(self.queue.results(group).values())


class WindowStudent:
    """Its action is a fixed function of all that it is shown; remembers each window with its task."""

    version = "a" * 64
    window = 4

    def __init__(self):
        self.seen = []

    def act(self, windows, tasks):
        self.seen += [(windows, row, task) for row, task in enumerate(tasks)]
        past = windows.actions.sum(1) + windows.rewards.sum(1)[:, None]
        return np.tanh(windows.states[:, -1, :4] + 0.1 * past).astype(np.float32)


class TrajectoryBench(Bench):
    """The same with episodes without pictures."""

    def __init__(self, folder):
        super().__init__(folder)
        self.student = WindowStudent()

    def job(self, index=0, **changes):
        settings = dict(
            purpose="rollout", run="test", round=0, index=index, task="reach-v3", seed=7000 + index,
            actor="expert", max_steps=5, hold_steps=2, store=self.url,
        )  # fmt: skip
        if changes.get("actor") == "student":
            settings |= {"checkpoint": "somewhere", "checkpoint_sha256": "a" * 64}
        return TrajectoryJob(**(settings | changes))

    def worker(self, owner="worker-0", *, batch=4, load_student=None, leases=None, writer=None):
        settings = {"lease_seconds": LEASE_SECONDS, "owner": owner}
        leases = leases or MemoryLeaseKeeper(self.queue, facts={"kind": "rollout"}, **settings)
        return TrajectoryWorker(
            queue=self.queue,
            leases=leases,
            load_student=load_student or (lambda folder, sha256: self.student),
            open_store=functools.cache(EpisodeStore),
            batch=batch,
            meter=WorkMeter(leases.report),
            writer=writer,
            **settings,
        )


@pytest.fixture
def trajectories(tmp_path) -> TrajectoryBench:
    return TrajectoryBench(tmp_path / "episodes")


@pytest.fixture(scope="session")
def sac_expert() -> TeacherSource:
    """A trained expert of reach-v3 with the Sawyer."""
    folder = Path(__file__).parents[2] / "experts" / "reach-v3-sawyer"
    return TeacherSource(folder=str(folder), sha256=ExpertPolicy.load(folder).sha256)


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path / "episodes")


@pytest.fixture
def on_policy():
    """Settings of a job in which the student acts."""
    return {"checkpoint": "somewhere", "checkpoint_sha256": "a" * 64, "beta": 0.0}


@pytest.fixture
def same_except_timing():
    """Whether two episodes are equal in every byte that is not a wall-clock time."""

    def compare(first, second):
        if first.meta != second.meta:
            return False
        pairs = zip(first.arrays().items(), second.arrays().values())
        return all(
            name == "step_seconds" or (one.dtype == two.dtype and one.tobytes() == two.tobytes())
            for (name, one), two in pairs
        )

    return compare
