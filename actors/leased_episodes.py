"""What workers that act episodes have in common: leases, commits, acknowledgements, failures."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, Generic, Protocol, TypeVar

from potstill.experience.episode import Episode
from potstill.experience.episode_store import EpisodeStore
from potstill.queues.errors import LeaseLostError
from potstill.queues.lease_holder import LeaseHolder
from potstill.queues.task import Lease
from potstill.queues.task_queue import TaskQueue

#: The kinds of task of which each is an episode; the more urgent (higher priority) first.
KINDS = ("evaluation", "rollout")


class EpisodeJob(Protocol):
    """What the task says about an episode's end."""

    @property
    def purpose(self) -> str:
        """``rollout``: to be stored."""

    @property
    def store(self) -> str:
        """URL of the episode store."""


class LeasedEpisode(Protocol):
    """An episode while it is being acted."""

    lease: Lease
    finished: bool

    @property
    def job(self) -> EpisodeJob:
        """What was asked for."""

    def episode(self) -> Episode:
        """The finished record; called in another thread."""

    def result(self) -> dict[str, Any]:
        """The small facts the ledger keeps."""


E = TypeVar("E", bound=LeasedEpisode)


class LeasedEpisodes(Generic[E]):
    """Everything about a worker's episodes but the acting.

    ::

        lease -> begin ->  (acted by the worker)  -> settle -> commit in another thread -> reap: acknowledge
                              | raised                  | lease lost
                              v                         v
                           give_up: fail the task     let go, nothing is stored

    Args:
        queue: Where the tasks come from.
        leases: Keeps them ours.
        open_store: Gives the store of a URL.
        owner: Of the leases.
        lease_seconds: How long a lease holds unless extended.
        most_commits: Episodes under way to the disk before the worker waits for it.
        writer: Writes them; a thread of its own if not given.
    """

    def __init__(
        self,
        *,
        queue: TaskQueue,
        leases: LeaseHolder,
        open_store: Callable[[str], EpisodeStore],
        owner: str,
        lease_seconds: float,
        most_commits: int,
        writer: Executor | None = None,
    ) -> None:
        self._queue = queue
        self._leases = leases
        self._open_store = open_store
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._most_commits = most_commits
        self._writer = writer or ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._commits: deque[tuple[E, Future[None]]] = deque()
        self.acknowledged = 0
        """Since the start."""

    @property
    def committing(self) -> bool:
        """Whether any finished episode is not acknowledged yet."""
        return bool(self._commits)

    def lease(self, most: int, *, wait_seconds: float) -> list[Lease]:
        """Up to ``most`` tasks, kept ours from now on; waits for the first one."""
        leases = self._queue.lease(
            KINDS,
            owner=self._owner,
            max_tasks=most,
            lease_seconds=self._lease_seconds,
            wait_seconds=wait_seconds,
        )
        for lease in leases:
            self._leases.hold(lease)
        return leases

    def begin(self, leases: Sequence[Lease], begin: Callable[[Lease], E]) -> list[E]:
        """The episodes of these leases; one that cannot begin fails its task."""
        begun = []
        for lease in leases:
            try:
                begun.append(begin(lease))
            except Exception:
                self._fail(lease, traceback.format_exc(limit=8))
        return begun

    def settle(self, episodes: list[E]) -> list[E]:
        """Take out of ``episodes`` what is finished, to be committed, and what was taken away from us.

        Returns:
            Those taken out.
        """
        lost = self._leases.lost()
        over = [episode for episode in episodes if episode.finished or episode.lease.task.id in lost]
        for episode in over:
            episodes.remove(episode)
            if episode.finished and episode.lease.task.id not in lost:
                self._commit(episode)
            else:
                self._leases.drop(episode.lease)
        return over

    def reap(self, *, wait_for_all: bool) -> None:
        """Acknowledge what is stored; wait for the disk only when too much is under way, or for all of it."""
        most = 0 if wait_for_all else self._most_commits
        while self._commits and (self._commits[0][1].done() or len(self._commits) > most):
            episode, stored = self._commits.popleft()
            try:
                stored.result()
                self._queue.ack(episode.lease, episode.result())
                self.acknowledged += 1
            except LeaseLostError:
                pass  # counted as a duplicate by the ledger; the newest lease holder answers for the task
            except Exception:
                self._fail(episode.lease, traceback.format_exc(limit=8))
            finally:
                self._leases.drop(episode.lease)

    def give_up(self, episodes: list[E], failed: Sequence[E]) -> None:
        """Take ``failed`` out of ``episodes`` and fail their tasks with the error being handled."""
        error = traceback.format_exc(limit=8)
        for episode in list(failed):
            episodes.remove(episode)
            self._fail(episode.lease, error)

    def give_back(self, episodes: list[E]) -> None:
        """Release these tasks untouched: the worker stops."""
        for episode in episodes:
            self._leases.drop(episode.lease)
            self._queue.release(episode.lease)
        episodes.clear()

    def _commit(self, episode: E) -> None:
        """Have it stored, unless it is not ours any more."""
        rollout = episode.job.purpose == "rollout"
        if rollout and not self._queue.extend([episode.lease], lease_seconds=self._lease_seconds)[0]:
            # A zombie must not commit: someone else is acting this episode now.
            self._leases.drop(episode.lease)
            return
        self._commits.append((episode, self._writer.submit(self._store, episode)))

    def _store(self, episode: E) -> None:
        """What the thread does; the queue and the leases stay with the worker's own."""
        if episode.job.purpose == "rollout":
            self._open_store(episode.job.store).commit(episode.episode())

    def _fail(self, lease: Lease, error: str) -> None:
        self._leases.drop(lease)
        try:
            self._queue.fail(lease, error)
        except LeaseLostError:
            pass  # the task is no longer ours to fail
