"""What a worker and the heart beside it do, step by step, as the real ones: lease, do, commit, acknowledge."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from simulation.process import Process, Script
from simulation.simulated_disk import SimulatedDisk, SimulatedFile

from potstill.queues.task import Lease

#: Length of a lease: 5 s.
LEASE_TICKS = 40
IDLE_TICKS = 12
#: Bytes and names reach the disk within a quarter of a second.
DISK_TICKS = 2
KINDS = ("evaluation", "rollout")

Commit = Callable[[SimulatedDisk, Lease], Generator[Any, Any, None]]


@dataclass
class SimulatedWorker:
    """One incarnation of a worker: what its work loop and its heart share."""

    name: str
    batch: int
    thrifty: bool
    """Acknowledges a batch and leases the next in one call."""
    held: dict[str, Lease] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)
    """Fences of leases that are gone."""
    stopping: bool = False
    """Somebody sent SIGTERM."""
    processes: list[Process] = field(default_factory=list)


def commit_in_order(disk: SimulatedDisk, lease: Lease) -> Generator[Any, Any, None]:
    """As ``create_exclusively``: data, fsync, name, folder; the first commit wins, and is made safe by all."""
    if not disk.exists(lease.task.id):
        file = SimulatedFile(f"{lease.task.id} by {lease.owner}")
        yield DISK_TICKS
        disk.fsync(file)
        yield DISK_TICKS
        disk.link(file, lease.task.id)
        yield DISK_TICKS
    disk.sync_folder()


def work(
    me: SimulatedWorker, disk: SimulatedDisk, kill: Callable[[], None], draw: Any, habits: Any
) -> Script:
    """The loop of a worker. ``kill`` ends this worker at once; ``habits`` is a ``PlantedBug``."""
    committed: list[tuple[Lease, dict]] = []
    while not me.stopping:
        ask = (KINDS, me.name, me.batch, LEASE_TICKS * 125)
        if committed:
            _, leases = yield ("acknowledge_and_lease", committed, *ask)
        else:
            leases = yield ("lease", *ask)
        committed = []
        if not leases:
            yield IDLE_TICKS
            continue
        me.held.update((lease.task.id, lease) for lease in leases)
        for lease in leases:
            # Most work is shorter than a lease, some lasts three.
            yield int(draw.random() ** 4 * 3 * LEASE_TICKS)
            if me.stopping:
                break
            if lease.task.payload["poison"]:
                kill()
                yield 0
            if (yield from _finish(me, disk, lease, draw, habits)):
                committed.append((lease, {}))
    if committed:
        yield ("ack_many", committed)
    for lease in list(me.held.values()):
        me.held.pop(lease.task.id, None)
        yield ("release", lease)


def _finish(
    me: SimulatedWorker, disk: SimulatedDisk, lease: Lease, draw: Any, habits: Any
) -> Generator[Any, Any, bool]:
    """Commit one piece of work; True when it is left to acknowledge."""
    if lease.fence in me.lost:
        return False
    if draw.random() < 0.1:
        me.held.pop(lease.task.id, None)
        yield ("fail", lease, "Traceback")
        return False
    if habits.acknowledges_first:
        yield ("ack", lease)
    yield from habits.commit(disk, lease)
    me.held.pop(lease.task.id, None)
    if not me.thrifty:
        yield ("ack", lease)
    return me.thrifty


def beat(me: SimulatedWorker) -> Script:
    """The heart: extends what is held three times per lease."""
    while True:
        yield LEASE_TICKS // 3
        leases = list(me.held.values())
        if leases:
            held = yield ("extend", leases, LEASE_TICKS * 125)
            for lease, still in zip(leases, held, strict=True):
                if not still and me.held.get(lease.task.id) is lease:
                    del me.held[lease.task.id]
                    me.lost.add(lease.fence)
