"""A simulated process: a generator that sleeps and calls, and that may be stopped or killed at any yield."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from simulation.scheduler import STALE, Scheduler

#: What a script yields: ticks to sleep, or ``(operation, *arguments)`` for the server; it is sent the answer.
Script = Generator[Any, Any, None]


class Process:
    """Runs a script.

    Args:
        scheduler: Its time.
        network: Carries its calls.
        name: For the trace.
        script: What it does.
    """

    def __init__(self, scheduler: Scheduler, network: Any, name: str, script: Script) -> None:
        self.name = name
        self.alive = True
        self.stopped_until = 0
        #: How far its own clock is off, in ticks. Nothing may depend on it.
        self.clock_error = 0
        #: Which answer it waits for; any other is late, or a duplicate.
        self.token = 0
        self._scheduler = scheduler
        self._network = network
        self._script = script
        scheduler.after(0, self.resume, 0, None)

    def resume(self, token: int, answer: Any) -> Any:
        """Go on with the answer waited for."""
        if token != self.token or not self.alive:
            return STALE
        if self.stopped_until > self._scheduler.now:
            self._scheduler.after(self.stopped_until - self._scheduler.now, self.resume, token, answer)
            return STALE
        self.token += 1
        try:
            wish = self._script.send(answer)
        except StopIteration:
            self.alive = False
            return None
        if isinstance(wish, int):
            self._scheduler.after(wish, self.resume, self.token, None)
        else:
            self._network.send(self, self.token, wish)
        return None
