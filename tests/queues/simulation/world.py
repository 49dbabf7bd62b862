"""All that is simulated, and how its parts die and come back."""

from __future__ import annotations

from typing import Any

from simulation.broken_promise_error import BrokenPromiseError
from simulation.planted_bugs import PlantedBug
from simulation.process import Process, Script
from simulation.runner_script import Plan, run_rounds
from simulation.scheduler import TICK_MS, Scheduler
from simulation.simulated_disk import SimulatedDisk
from simulation.simulated_network import LONGEST_DELAY_TICKS, SimulatedNetwork, Weather
from simulation.simulated_server import OpenQueue, SimulatedServer
from simulation.worker_scripts import LEASE_TICKS, SimulatedWorker, beat, work

from potstill.queues.task import Lease


class World:
    """One server, one disk, one runner, a few workers, each with its heart."""

    def __init__(
        self, scheduler: Scheduler, seed: int, *, open_queue: OpenQueue, weather: Weather, bug: PlantedBug
    ) -> None:
        self.scheduler = scheduler
        self.plan = Plan(seed)
        self.disk = SimulatedDisk()
        max_waiting = scheduler.random.choice([None, 6])
        self.server = SimulatedServer(scheduler, self.disk, open_queue, max_waiting)
        self.network = SimulatedNetwork(scheduler, self.server, weather)
        self.workers: list[SimulatedWorker] = []
        self._bug = bug
        self._starts = 0
        for slot in range(scheduler.random.randint(2, 4)):
            self.workers.append(SimulatedWorker(name="none", batch=1, thrifty=False))
            self.start_worker(slot)
        self.start_runner()

    def start_worker(self, slot: int) -> None:
        """A new incarnation with a new name."""
        if any(process.alive for process in self.workers[slot].processes[:1]):
            return
        self._starts += 1
        draw = self.scheduler.random
        me = SimulatedWorker(
            name=f"worker-{slot}.{self._starts}",
            batch=draw.choice([1, 1, 2, 4]),
            thrifty=draw.random() < 0.3,
        )
        self.workers[slot] = me
        kill = lambda: self.kill_worker(slot, restart_after=LEASE_TICKS)  # noqa: E731
        me.processes.append(self._process(me.name, work(me, self.disk, kill, draw, self._bug)))
        me.processes.append(self._process(f"heart of {me.name}", beat(me)))

    def kill_worker(self, slot: int, *, restart_after: int) -> None:
        """SIGKILL: the heart hears of it through its pipe and stops too."""
        me = self.workers[slot]
        mortal = me.processes[:1] if self._bug.heart_outlives_worker else me.processes
        for process in mortal:
            process.alive = False
        self._expect_release(me)
        self.scheduler.after(restart_after, self.start_worker, slot)

    def stop_worker(self, slot: int, *, ticks: int) -> None:
        """SIGSTOP, later SIGCONT: the heart sees it and does not beat meanwhile."""
        for process in self.workers[slot].processes:
            process.stopped_until = self.scheduler.now + ticks

    def terminate_worker(self, slot: int, *, restart_after: int) -> None:
        """SIGTERM: the worker gives back what it has and ends; if it is too slow, it is killed."""
        self.workers[slot].stopping = True
        self.scheduler.after(LONGEST_DELAY_TICKS, self._end_worker, self.workers[slot], slot, restart_after)

    def kill_runner(self, *, restart_after: int) -> None:
        """SIGKILL of the runner; ``resume`` follows."""
        self.runner.alive = False
        self.scheduler.after(restart_after, self.start_runner)

    def start_runner(self) -> None:
        """A runner that knows what is in files."""
        if not hasattr(self, "runner") or not self.runner.alive:
            script = run_rounds(self.plan, self.disk, self.server.given_up, self._bug.resubmits)
            self.runner = self._process("runner", script)

    def kill_server(self, *, down_for: int) -> None:
        """Requests under way and later ones get no answer until it is up again."""
        self.server.up = False
        self.scheduler.after(down_for, self._start_server)

    def cut_power(self, *, restart_after: int) -> None:
        """All workers and the disk at once."""
        for slot in range(len(self.workers)):
            self.kill_worker(slot, restart_after=restart_after)
        self.disk.cut_power(self.scheduler.random)

    def ask(self, name: str, request: tuple[Any, ...]) -> None:
        """One request of somebody else."""

        def script() -> Script:
            yield request

        self._process(name, script())

    def check_end(self) -> None:
        """What must hold when everything has settled."""
        model = self.server.checked.model
        self.server.checked.check_all()
        for round_index in range(self.plan.round + 1):
            for task in self.plan.tasks(round_index):
                state = model.tasks[task.id].state if task.id in model.tasks else "unknown"
                if state not in ("done", "dead", "cancelled"):
                    raise BrokenPromiseError(f"at the end {task.id} is {state}")
                if (state == "done") != self.disk.is_durable(task.id):
                    raise BrokenPromiseError(f"at the end {task.id} is {state}: the disk says otherwise")
        if not model.ledger().settled:
            raise BrokenPromiseError(f"at the end the ledger is {model.ledger()}")

    def _process(self, name: str, script: Script) -> Process:
        return Process(self.scheduler, self.network, name, script)

    def _start_server(self) -> None:
        self.server.up = True

    def _end_worker(self, me: SimulatedWorker, slot: int, restart_after: int) -> None:
        if self.workers[slot] is me:
            self.kill_worker(slot, restart_after=restart_after)

    def _expect_release(self, me: SimulatedWorker) -> None:
        """A dead worker's leases must end; its last heartbeat may still be under way."""
        for lease in me.held.values():
            self.scheduler.after(LONGEST_DELAY_TICKS + 1, self._last_beat_is_over, me, lease)

    def _last_beat_is_over(self, me: SimulatedWorker, lease: Lease) -> None:
        limit = self.server.latest_ms + LEASE_TICKS * TICK_MS
        self.scheduler.after(LEASE_TICKS, self._check_released, me, lease, limit)

    def _check_released(self, me: SimulatedWorker, lease: Lease, limit: int) -> None:
        if self.server.deadline_of(lease) > limit:
            raise BrokenPromiseError(f"{me.name} is dead and still holds {lease.task.id}")
