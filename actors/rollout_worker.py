"""The rollout worker: steps leased episodes in lock-step, labels every state, commits, acknowledges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np

from potstill.actors.episode_in_progress import EpisodeInProgress
from potstill.actors.leased_episodes import LeasedEpisodes
from potstill.actors.render_channel import PendingPictures, RenderChannel
from potstill.actors.rollout_job import RolloutJob
from potstill.actors.student import Student
from potstill.actors.work_meter import WorkMeter
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.experience.episode_store import EpisodeStore
from potstill.queues.errors import RpcTimeoutError
from potstill.queues.lease_holder import LeaseHolder
from potstill.queues.task import Lease
from potstill.queues.task_queue import TaskQueue

#: How long an idle worker waits for a task before it looks at the stop flag again.
IDLE_SECONDS = 1.0


class RolloutWorker:
    """Two halves of the batch take turns: while the pictures of one are being drawn, the other steps.

    ::

        half A   submit scenes ......(drawn)...... collect | student, expert, env.step | submit ...
        half B   collect | student, expert, env.step | submit scenes ......(drawn)...... collect ...

    Finished episodes are written by ``writer``, a thread of the worker's if not given: a disk that takes its time must
    not let the renderer run dry.

    An episode that raises, or whose scene cannot be drawn, fails its own task; the others go on. A lost lease
    drops its episode.
    """

    def __init__(
        self,
        *,
        queue: TaskQueue,
        leases: LeaseHolder,
        pictures: RenderChannel,
        load_student: Callable[[str, str], Student],
        open_store: Callable[[str], EpisodeStore],
        owner: str,
        batch: int,
        lease_seconds: float,
        meter: WorkMeter,
        writer: Executor | None = None,
    ) -> None:
        self._leased = LeasedEpisodes[EpisodeInProgress](
            queue=queue,
            leases=leases,
            open_store=open_store,
            owner=owner,
            lease_seconds=lease_seconds,
            most_commits=2 * batch,
            writer=writer,
        )
        self._pictures = pictures
        self._load_student = load_student
        self._meter = meter
        first = (batch + 1) // 2
        self._halves = [_Half(size) for size in (first, batch - first) if size]
        self._idle_envs: dict[tuple[str, str], list[MetaWorldEnv]] = defaultdict(list)
        self._students: dict[str, Student] = {}
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
        for half in self._halves:
            self._leased.give_back(half.episodes)

    def tick(self, *, wait_seconds: float = 0.0) -> bool:
        """One step of every episode, both halves; False when there was nothing to do."""
        before = self.steps
        for half in self._halves:
            if half.pending is not None:
                self._show(half, half.episodes, half.pending)
                self._act(half)
            self._settle(half)
            idle = half is self._halves[0] and not self._busy
            self._refill(half, wait_seconds=wait_seconds if idle else 0.0)
            self._submit(half)
        self._leased.reap(wait_for_all=not self._acting)
        self._meter.count(self.steps - before)
        return self._busy

    @property
    def _busy(self) -> bool:
        return self._acting or self._leased.committing

    @property
    def _acting(self) -> bool:
        return any(half.episodes for half in self._halves)

    def _refill(self, half: _Half, *, wait_seconds: float) -> None:
        free = half.size - len(half.episodes)
        if free:
            leases = self._leased.lease(free, wait_seconds=wait_seconds)
            half.episodes += self._leased.begin(leases, self._begin)

    def _begin(self, lease: Lease) -> EpisodeInProgress:
        job = RolloutJob.from_payload(lease.task.payload)
        student = self._student(job) if job.student_acts else None
        idle = self._idle_envs[job.task, job.robot]
        env = idle.pop() if idle else MetaWorldEnv(job.task, robot=job.robot)
        return EpisodeInProgress(job=job, lease=lease, env=env, student=student)

    def _student(self, job: RolloutJob) -> Student:
        """The student of this checkpoint; only the newest is kept, rounds go forward."""
        if job.checkpoint_sha256 not in self._students:
            self._students = {
                job.checkpoint_sha256: self._load_student(job.checkpoint, job.checkpoint_sha256)
            }
        return self._students[job.checkpoint_sha256]

    def _submit(self, half: _Half) -> None:
        half.pending = None
        if half.episodes:
            requests = [episode.render_request() for episode in half.episodes]
            with self._meter.waiting():  # for the other half's pictures
                half.pending = self._pictures.submit(requests, before=self._next(half))

    def _next(self, half: _Half) -> PendingPictures | None:
        """What the half after this one waits for."""
        return next((other.pending for other in self._halves if other is not half), None)

    def _show(self, half: _Half, episodes: Sequence[EpisodeInProgress], pending: PendingPictures) -> None:
        """Wait for the pictures of these episodes; paint again where a warp left too much unseen."""
        try:
            with self._meter.waiting():
                replies = pending.result()
        except Exception as error:
            # One scene that cannot be drawn fails the whole message: each asks alone, so that only it suffers.
            # When nobody answered at all, asking one by one would only wait longer.
            if len(episodes) == 1 or isinstance(error, RpcTimeoutError):
                self._leased.give_up(half.episodes, episodes)
            else:
                for episode in list(episodes):
                    self._show(half, [episode], self._pictures.submit([episode.render_request()]))
            return
        refused = []
        for episode, reply in zip(list(episodes), replies, strict=True):
            try:
                if not episode.see(reply):
                    refused.append(episode)
            except Exception:
                self._leased.give_up(half.episodes, [episode])
        if refused:
            repaint = [episode.render_request(force_paint=True) for episode in refused]
            self._show(half, refused, self._pictures.submit(repaint))

    def _act(self, half: _Half) -> None:
        try:
            actions = self._student_actions(half)
        except Exception:
            self._leased.give_up(half.episodes, half.episodes)
            return
        for episode in list(half.episodes):
            try:
                episode.act(actions.get(id(episode)))
                self.steps += 1
            except Exception:
                self._leased.give_up(half.episodes, [episode])

    def _student_actions(self, half: _Half) -> dict[int, np.ndarray]:
        """One batched forward pass per student in the half (nearly always one)."""
        groups: dict[int, list[EpisodeInProgress]] = defaultdict(list)
        for episode in half.episodes:
            if episode.student is not None:
                groups[id(episode.student)].append(episode)
        actions: dict[int, np.ndarray] = {}
        for episodes in groups.values():
            student = episodes[0].student
            assert student is not None
            frames, proprio = zip(*(episode.student_view() for episode in episodes))
            for episode, action in zip(episodes, student.act(np.stack(frames), np.stack(proprio))):
                actions[id(episode)] = action
        return actions

    def _settle(self, half: _Half) -> None:
        """Commit what is finished, drop what was taken away from us."""
        for over in self._leased.settle(half.episodes):
            self._idle_envs[over.job.task, over.job.robot].append(over.env)


class _Half:
    """Half of the batch: its episodes and the pictures they wait for."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.episodes: list[EpisodeInProgress] = []
        self.pending: PendingPictures | None = None
