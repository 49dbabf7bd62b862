"""The trajectory worker: steps leased episodes of any tasks and robots in lock-step, without pictures."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np

from potstill.actors.idle_simulations import IdleSimulations
from potstill.actors.leased_episodes import LeasedEpisodes
from potstill.actors.trajectory_episode import TrajectoryEpisode
from potstill.actors.trajectory_job import TrajectoryJob
from potstill.actors.trajectory_student import TrajectoryStudent
from potstill.actors.work_meter import WorkMeter
from potstill.experience.context_window import stack_windows
from potstill.experience.episode_store import EpisodeStore
from potstill.queues.lease_holder import LeaseHolder
from potstill.queues.task import Lease
from potstill.queues.task_queue import TaskQueue

#: How long an idle worker waits for a task before it looks at the stop flag again.
IDLE_SECONDS = 1.0
#: Students kept in memory: an evaluation compares a few.
_KEPT_STUDENTS = 8


class TrajectoryWorker:
    """One step of all episodes: the students' actions in one forward pass each, labels, physics, then what came of it.

    Finished episodes are written by ``writer``, a thread of the worker's if not given.

    An episode that raises fails its own task, a student that raises those that it acts in; the others go on. A lost
    lease drops its episode.
    """

    def __init__(
        self,
        *,
        queue: TaskQueue,
        leases: LeaseHolder,
        load_student: Callable[[str, str], TrajectoryStudent],
        open_store: Callable[[str], EpisodeStore],
        owner: str,
        batch: int,
        lease_seconds: float,
        meter: WorkMeter,
        writer: Executor | None = None,
    ) -> None:
        """``load_student`` takes a folder and the expected sha256, ``open_store`` a URL.

        Raises:
            ValueError: ``batch`` is below 1.
        """
        if batch < 1:
            raise ValueError(f"batch must be at least 1: got {batch}")
        self._leased = LeasedEpisodes[TrajectoryEpisode](
            queue=queue,
            leases=leases,
            open_store=open_store,
            owner=owner,
            lease_seconds=lease_seconds,
            most_commits=2 * batch,
            writer=writer,
        )
        self._load_student = functools.lru_cache(maxsize=_KEPT_STUDENTS)(load_student)
        self._batch = batch
        self._meter = meter
        self._episodes: list[TrajectoryEpisode] = []
        self._idle = IdleSimulations()
        self.steps = 0
        """Environment steps since the start."""

    @property
    def episodes(self) -> int:
        """Episodes acknowledged since the start."""
        return self._leased.acknowledged

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Work until ``should_stop``; then give unfinished tasks back untouched."""
        while not should_stop():
            self.tick(wait_seconds=IDLE_SECONDS)
        self._leased.reap(wait_for_all=True)
        self._leased.give_back(self._episodes)

    def tick(self, *, wait_seconds: float = 0.0) -> bool:
        """One step of every episode; False when there was nothing to do."""
        before = self.steps
        self._refill(wait_seconds=0.0 if self._busy else wait_seconds)
        # After the refill: episodes of one length end together, and the next must not wait for the disk.
        self._leased.reap(wait_for_all=not self._episodes)
        self._step()
        for over in self._leased.settle(self._episodes):
            self._idle.give(over.simulation)
        self._meter.count(self.steps - before)
        return self._busy

    @property
    def _busy(self) -> bool:
        return bool(self._episodes) or self._leased.committing

    def _refill(self, *, wait_seconds: float) -> None:
        free = self._batch - len(self._episodes)
        if free:
            with self._meter.waiting():
                leases = self._leased.lease(free, wait_seconds=wait_seconds)
            self._episodes += self._leased.begin(leases, self._begin)

    def _begin(self, lease: Lease) -> TrajectoryEpisode:
        job = TrajectoryJob.from_payload(lease.task.payload)
        student = self._load_student(job.checkpoint, job.checkpoint_sha256) if job.checkpoint else None
        simulation = self._idle.take(job.task, job.robot, job.dynamics)
        return TrajectoryEpisode(job=job, lease=lease, simulation=simulation, student=student)

    def _step(self) -> None:
        actions = self._student_actions()
        self._each(lambda episode: episode.act(actions.get(id(episode))))
        # The physics of all before anything else is computed: MuJoCo's code and then ours stay in the cache.
        self._each(TrajectoryEpisode.push)
        self._each(TrajectoryEpisode.look)
        self.steps += len(self._episodes)

    def _each(self, do: Callable[[TrajectoryEpisode], None]) -> None:
        for episode in list(self._episodes):
            try:
                do(episode)
            except Exception:
                self._leased.give_up(self._episodes, [episode])

    def _student_actions(self) -> dict[int, np.ndarray]:
        """One batched forward pass per student (nearly always one)."""
        groups: dict[int, list[TrajectoryEpisode]] = defaultdict(list)
        for episode in self._episodes:
            if episode.student is not None:
                groups[id(episode.student)].append(episode)
        actions: dict[int, np.ndarray] = {}
        for group in groups.values():
            try:
                actions |= _actions_of(group)
            except Exception:
                self._leased.give_up(self._episodes, group)
        return actions


def _actions_of(episodes: list[TrajectoryEpisode]) -> dict[int, np.ndarray]:
    """The action of each of these episodes, which one student acts, by the episode's id."""
    student = episodes[0].student
    assert student is not None
    windows = stack_windows([episode.context() for episode in episodes])
    actions = student.act(windows, [episode.job.task for episode in episodes])
    return {id(episode): action for episode, action in zip(episodes, actions, strict=True)}
