"""Who breaks things: one fault after the other, of the kinds this seed has drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulation.worker_scripts import LEASE_TICKS

if TYPE_CHECKING:
    from simulation.world import World

#: Mean pause between two faults: 5 s.
MEAN_PAUSE_TICKS = 40
LONGEST_STOP_TICKS = 3 * LEASE_TICKS
#: ``appendfsync everysec`` may lag by up to 2 s.
LONGEST_LOSS_TICKS = 16
HOUR_TICKS = 8 * 3600
#: Of the server's clock: 60 s.
LONGEST_JUMP_TICKS = 480

LOST_WRITES = "lose the server's last writes"

FAULTS = (
    "kill a worker",
    "stop a worker",
    "terminate a worker",
    "move a worker's clock",
    "kill the runner",
    "stop the runner",
    "kill the server",
    LOST_WRITES,
    "move the server's clock",
    "cut the power",
    "cancel a round",
    "retry the dead",
    "forget a round",
)


class Nemesis:
    """Draws faults until it is told to stop.

    Args:
        world: To break.
        kinds: Some of ``FAULTS``.
    """

    def __init__(self, world: World, kinds: tuple[str, ...]) -> None:
        self._world = world
        self._draw = world.scheduler.random
        self._kinds = kinds
        self.active = bool(kinds)
        if self.active:
            self._pause()

    def _pause(self) -> None:
        self._world.scheduler.after(1 + int(self._draw.expovariate(1 / MEAN_PAUSE_TICKS)), self._strike)

    def _strike(self) -> None:
        if not self.active:
            return
        kind = self._draw.choice(self._kinds)
        self._world.scheduler.say(kind)
        getattr(self, "_" + kind.replace(" ", "_").replace("'", ""))()
        self._pause()

    def _kill_a_worker(self) -> None:
        self._world.kill_worker(self._a_slot(), restart_after=self._draw.randrange(2 * LEASE_TICKS))

    def _stop_a_worker(self) -> None:
        self._world.stop_worker(self._a_slot(), ticks=self._draw.randrange(LONGEST_STOP_TICKS))

    def _terminate_a_worker(self) -> None:
        self._world.terminate_worker(self._a_slot(), restart_after=self._draw.randrange(2 * LEASE_TICKS))

    def _move_a_workers_clock(self) -> None:
        error = self._draw.choice([-HOUR_TICKS, HOUR_TICKS])
        for process in self._world.workers[self._a_slot()].processes:
            process.clock_error = error

    def _kill_the_runner(self) -> None:
        self._world.kill_runner(restart_after=self._draw.randrange(2 * LEASE_TICKS))

    def _stop_the_runner(self) -> None:
        self._world.runner.stopped_until = self._world.scheduler.now + self._draw.randrange(
            LONGEST_STOP_TICKS
        )

    def _kill_the_server(self) -> None:
        self._world.kill_server(down_for=self._draw.randrange(2 * LEASE_TICKS))

    def _lose_the_servers_last_writes(self) -> None:
        self._world.server.lose_writes(self._draw.randrange(LONGEST_LOSS_TICKS))
        self._kill_the_server()

    def _move_the_servers_clock(self) -> None:
        # Set back just when writes are lost, it may give a fence twice: a known limit (docs/faults.md).
        back = 0 if LOST_WRITES in self._kinds else LONGEST_JUMP_TICKS
        self._world.server.clock_error += self._draw.randint(-back, LONGEST_JUMP_TICKS)

    def _cut_the_power(self) -> None:
        self._world.cut_power(restart_after=self._draw.randrange(2 * LEASE_TICKS))

    def _cancel_a_round(self) -> None:
        self._world.ask("operator", ("cancel", f"r{self._world.plan.round}"))

    def _retry_the_dead(self) -> None:
        model = self._world.server.checked.model
        if dead := [name for name, _, _ in model.dead_letters()]:
            self._world.ask("operator", ("revive", dead))

    def _forget_a_round(self) -> None:
        self._world.ask("operator", ("forget", f"r{self._draw.randint(0, self._world.plan.round)}"))

    def _a_slot(self) -> int:
        return self._draw.randrange(len(self._world.workers))
