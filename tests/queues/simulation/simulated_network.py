"""A network that loses, doubles and delays; clients send again what was not answered, as the real one does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulation.process import Process
from simulation.scheduler import STALE, Scheduler
from simulation.simulated_server import SimulatedServer

#: After how long without an answer a request is sent again: 1 s.
RETRY_TICKS = 8
#: The longest delay of a message: 15 s, three leases.
LONGEST_DELAY_TICKS = 120


@dataclass
class Weather:
    """How bad the network is: probabilities of each message."""

    lose: float = 0.0
    double: float = 0.0
    delay: float = 0.0


class SimulatedNetwork:
    """Between the processes and the server."""

    def __init__(self, scheduler: Scheduler, server: SimulatedServer, weather: Weather) -> None:
        self.weather = weather
        self._scheduler = scheduler
        self._server = server
        self._draw = scheduler.random.random

    def send(self, process: Process, token: int, request: tuple[Any, ...]) -> Any:
        """Send a request, and again until it is answered or the process is dead."""
        if token != process.token or not process.alive:
            return STALE
        stopped = process.stopped_until - self._scheduler.now
        if stopped > 0:
            self._scheduler.after(stopped, self.send, process, token, request)
            return STALE
        self._carry(self._arrive, process, token, request)
        self._scheduler.after(RETRY_TICKS, self.send, process, token, request)
        return None

    def _arrive(self, process: Process, token: int, request: tuple[Any, ...]) -> Any:
        if not self._server.up:
            return STALE
        answer = self._server.execute(request, process)
        self._carry(process.resume, token, answer)
        return None

    def _carry(self, action: Any, *arguments: Any) -> None:
        """One message: it may get lost, arrive twice or late."""
        if self._draw() < self.weather.lose:
            self._scheduler.counts["message lost"] += 1
            return
        self._scheduler.after(self._delay(), action, *arguments)
        if self._draw() < self.weather.double:
            self._scheduler.counts["message doubled"] += 1
            self._scheduler.after(self._delay(), action, *arguments)

    def _delay(self) -> int:
        if self._draw() < self.weather.delay:
            self._scheduler.counts["message delayed"] += 1
            return int(self._draw() * LONGEST_DELAY_TICKS)
        return int(self._draw() * 2)
