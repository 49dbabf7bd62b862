"""Faults put into the code on purpose: a harness that misses one of them proves nothing."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

from simulation.simulated_disk import SimulatedDisk, SimulatedFile
from simulation.worker_scripts import DISK_TICKS, Commit, commit_in_order

from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.task import Lease


@dataclass(frozen=True, kw_only=True)
class PlantedBug:
    """One deviation from what is right; the defaults have none."""

    name: str = "none"
    queue: type[MemoryTaskQueue] = MemoryTaskQueue
    callers_clock: bool = False
    """The queue asks the clock of whoever calls."""
    commit: Commit = commit_in_order
    acknowledges_first: bool = False
    heart_outlives_worker: bool = False
    resubmits: bool = True
    """Whether the runner puts again what the server has forgotten."""


NO_BUG = PlantedBug()


class _AcknowledgesWithoutFence(MemoryTaskQueue):
    def ack(self, lease, result=None):
        super().ack(_with_newest_fence(self, lease), result)


class _FailsWithoutFence(MemoryTaskQueue):
    def fail(self, lease, error, *, retry=True):
        super().fail(_with_newest_fence(self, lease), error, retry=retry)


class _ExtendRevivesExpired(MemoryTaskQueue):
    def extend(self, leases, *, lease_seconds):
        for lease in leases:
            entry = self._entries.get(lease.task.id)
            if entry and entry.fence == lease.fence:
                entry.deadline = self._clock() + 1
        return super().extend(leases, lease_seconds=lease_seconds)


class _CrashesDoNotCount(MemoryTaskQueue):
    def _reap(self):
        for entry in self._in_state("leased"):
            entry.attempts -= entry.deadline <= self._clock()
        return super()._reap()


class _ReaperDrops(MemoryTaskQueue):
    def _reap(self):
        expired = [entry for entry in self._in_state("leased") if entry.deadline <= self._clock()]
        for entry in expired:
            del self._entries[entry.task.id]
        return len(expired)


class _DuplicatePutCountsTwice(MemoryTaskQueue):
    def put(self, tasks, *, wait_seconds=0.0):
        renamed = [replace(t, id=f"{t.id}.again") if t.id in self._entries else t for t in tasks]
        return super().put(renamed, wait_seconds=wait_seconds)


class _RetryGoesToTheEnd(MemoryTaskQueue):
    def revive(self, task_ids):
        revived = super().revive(task_ids)
        for name in task_ids:
            self._entries[name].order = 1_000_000
        return revived


class _CancelForgetsLeased(MemoryTaskQueue):
    def cancel(self, group):
        waiting = [entry for entry in self._in_state("waiting") if entry.task.group == group]
        for entry in waiting:
            entry.state = "cancelled"
        return len(waiting)


class _NewestFirst(MemoryTaskQueue):
    def _create(self, task, payload):
        entry = super()._create(task, payload)
        entry.order = -entry.order
        return entry


class _FencesRestart(MemoryTaskQueue):
    def _new_fence(self):
        self._fence += 1
        return self._fence


class _ReleaseCounts(MemoryTaskQueue):
    def release(self, lease):
        if entry := self._held(lease):
            entry.state = "waiting"


class _BoundIsIgnored(MemoryTaskQueue):
    def put(self, tasks, *, wait_seconds=0.0):
        self._max_waiting = None
        return super().put(tasks, wait_seconds=wait_seconds)


def _with_newest_fence(queue: MemoryTaskQueue, lease: Lease) -> Lease:
    entry = queue._entries.get(lease.task.id)
    return replace(lease, fence=entry.fence) if entry else lease


def _rename_before_fsync(disk: SimulatedDisk, lease: Lease) -> Generator[Any, Any, None]:
    if not disk.exists(lease.task.id):
        file = SimulatedFile(lease.owner)
        disk.link(file, lease.task.id)
        yield DISK_TICKS
        disk.fsync(file)
    disk.sync_folder()


def _replace(disk: SimulatedDisk, lease: Lease) -> Generator[Any, Any, None]:
    if not disk.exists(lease.task.id):
        file = SimulatedFile(lease.owner)
        yield DISK_TICKS
        disk.fsync(file)
        yield DISK_TICKS
        disk.rename(file, lease.task.id)
    disk.sync_folder()


def _trust_anothers_name(disk: SimulatedDisk, lease: Lease) -> Generator[Any, Any, None]:
    if not disk.exists(lease.task.id):
        yield from commit_in_order(disk, lease)


PLANTED_BUGS = (
    PlantedBug(name="acknowledge without fence", queue=_AcknowledgesWithoutFence),
    PlantedBug(name="fail without fence", queue=_FailsWithoutFence),
    PlantedBug(name="extend revives an expired lease", queue=_ExtendRevivesExpired),
    PlantedBug(name="the caller's clock instead of the server's", callers_clock=True),
    PlantedBug(name="crashes do not count as attempts", queue=_CrashesDoNotCount),
    PlantedBug(name="the reaper drops instead of re-queueing", queue=_ReaperDrops),
    PlantedBug(name="a duplicate put counts twice", queue=_DuplicatePutCountsTwice),
    PlantedBug(name="a retried task goes to the end", queue=_RetryGoesToTheEnd),
    PlantedBug(name="cancel forgets leased tasks", queue=_CancelForgetsLeased),
    PlantedBug(name="the newest task comes first", queue=_NewestFirst),
    PlantedBug(name="fences restart after lost writes", queue=_FencesRestart),
    PlantedBug(name="giving back counts as an attempt", queue=_ReleaseCounts),
    PlantedBug(name="the bound is ignored", queue=_BoundIsIgnored),
    PlantedBug(name="rename before fsync", commit=_rename_before_fsync),
    PlantedBug(name="the last commit wins", commit=_replace),
    PlantedBug(name="another's commit is trusted unsynced", commit=_trust_anothers_name),
    PlantedBug(name="acknowledge before commit", acknowledges_first=True),
    PlantedBug(name="the heart outlives its worker", heart_outlives_worker=True),
    PlantedBug(name="the runner trusts an emptied ledger", resubmits=False),
)
