"""The server: one queue, a log of what it did, and the crashes that cut the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from simulation.broken_promise_error import BrokenPromiseError
from simulation.checked_queue import CheckedQueue, handed_out
from simulation.process import Process
from simulation.scheduler import TICK_MS, Scheduler
from simulation.simulated_disk import SimulatedDisk

from potstill.queues.task import Lease
from potstill.queues.task_queue import TaskQueue

#: Server time at the start of every simulation.
START_MS = 1_000_000_000
BACKOFF_MS = 250


class OpenQueue(Protocol):
    """Makes an empty queue; the twin's planted bugs may look at the caller's clock instead of the server's."""

    def __call__(
        self, clock_ms: Callable[[], int], caller_ms: Callable[[], int], max_waiting: int | None
    ) -> TaskQueue: ...


class SimulatedServer:
    """Executes requests one at a time, each checked against the model.

    Like Redis with an append-only file: a crash of the process loses nothing, a crash of the machine what was not
    yet fsynced. ``lose_writes`` starts an empty queue and repeats the log up to there.
    """

    def __init__(
        self, scheduler: Scheduler, disk: SimulatedDisk, open_queue: OpenQueue, max_waiting: int | None
    ) -> None:
        self.up = True
        self.latest_ms = START_MS
        """The latest time at which it did anything; its clock may be set back."""
        self.clock_error = 0
        self._scheduler = scheduler
        self._disk = disk
        self._open_queue = open_queue
        self._max_waiting = max_waiting
        self._now_ms = self._caller_ms = START_MS
        self._log: list[tuple[int, int, int, tuple[Any, ...]]] = []
        self._granted: set[tuple[str, int]] = set()
        self._newest: dict[str, int] = {}
        self.given_up: set[str] = set()
        """Ids that were dead or cancelled when somebody heard that their group is settled."""
        self.checked = self._empty()

    def execute(self, request: tuple[Any, ...], process: Process) -> Any:
        """Do what a client asks and remember it."""
        self._now_ms = self.now_ms()
        self.latest_ms = max(self.latest_ms, self._now_ms)
        self._caller_ms = self._now_ms + process.clock_error * TICK_MS
        self._log.append((self._scheduler.now, self._now_ms, self._caller_ms, request))
        answer = self.checked.perform(*request)
        if self._scheduler.trace:
            self._scheduler.say("request", of=process.name, ask=_short(request), answer=_short(answer))
        self._watch(request, answer)
        return answer

    def lose_writes(self, ticks: int) -> None:
        """The machine crashed: what happened in the last ticks is gone."""
        last = self._scheduler.now - ticks
        self._log = [entry for entry in self._log if entry[0] <= last]
        self.checked = self._empty()
        for _, self._now_ms, self._caller_ms, request in self._log:
            self.checked.perform(*request)

    def now_ms(self) -> int:
        """The server's clock."""
        return START_MS + (self._scheduler.now + self.clock_error) * TICK_MS

    def deadline_of(self, lease: Lease) -> int:
        """When the lease ends, in server milliseconds; 0 when it has."""
        task = self.checked.model.tasks.get(lease.task.id)
        return task.deadline if task and task.state == "leased" and task.fence == lease.fence else 0

    def _empty(self) -> CheckedQueue:
        queue = self._open_queue(lambda: self._now_ms, lambda: self._caller_ms, self._max_waiting)
        return CheckedQueue(queue, lambda: self._now_ms, max_waiting=self._max_waiting, backoff_ms=BACKOFF_MS)

    def _watch(self, request: tuple[Any, ...], answer: Any) -> None:
        """Promises that reach beyond one state of the server: over crashes, and to the disk."""
        if request[0] == "gather" and answer.settled:
            tasks = self.checked.model.tasks.values()
            self.given_up |= {t.task.id for t in tasks if t.state in ("dead", "cancelled")}
        for lease in accepted(request, answer):
            if self._newest[lease.task.id] != lease.fence:
                raise BrokenPromiseError(f"a zombie's acknowledgement of {lease.task.id} was accepted")
            if not self._disk.is_durable(lease.task.id):
                raise BrokenPromiseError(f"{lease.task.id} was acknowledged before it was safe on the disk")
        for lease in handed_out(request[0], answer):
            proof = (lease.task.id, lease.fence)
            if proof in self._granted:
                raise BrokenPromiseError(f"fence {proof} was given a second time, after a crash")
            self._granted.add(proof)
            self._newest[lease.task.id] = lease.fence


def accepted(request: tuple[Any, ...], answer: Any) -> list[Lease]:
    """The leases that a request acknowledged."""
    operation = request[0]
    if operation == "ack":
        return [request[1]] if answer is None else []
    if operation in ("ack_many", "acknowledge_and_lease"):
        counted = answer if operation == "ack_many" else answer[0]
        return [lease for (lease, _), yes in zip(request[1], counted, strict=True) if yes]
    return []


def _short(value: Any) -> str:
    """For the trace."""
    if isinstance(value, Lease):
        return f"{value.task.id}#{value.fence}"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(_short(item) for item in value) + "]"
    return str(getattr(value, "id", value))
