"""The same faults against another library: what it loses, does twice or leaves lying."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

from faults.killable_redis import KillableRedis
from faults.queue_under_fire import FireConfig
from peers.peer_venvs import PeerVenvs

#: Longer than any time-out of the peers' settings: what is not done by then stays undone.
PATIENCE_SECONDS = 40.0


class Server(Protocol):
    """What the tasks live on; ``url`` is what the library is told."""

    url: str

    def start(self) -> None:
        """Again, on the same data."""

    def kill(self) -> None:
        """SIGKILL."""

    def __enter__(self) -> Self:
        """Itself, started."""

    def __exit__(self, *details: object) -> None:
        """Killed for good."""


class PeerUnderFire:
    """One run of one library, with its workers and the server under fire.

    Args:
        folder: For the server's file and the traces of the executions.
        config: The faults; there is no runner to kill.
        venvs: Where the library lives.
        name: Of the library.
        open_server: Starts what the library works on, given a folder.
    """

    def __init__(
        self,
        folder: Path,
        config: FireConfig,
        venvs: PeerVenvs,
        name: str,
        *,
        open_server: Callable[[Path], Server] = KillableRedis,
    ) -> None:
        self._folder = folder
        self._config = config
        self._venvs = venvs
        self._name = name
        self._open_server = open_server
        self._rng = random.Random(config.seed)
        self._traces = folder / "traces"
        self._traces.mkdir()
        self._workers: list[subprocess.Popen[bytes]] = []
        self._waking: list[tuple[float, int]] = []

    def run(self) -> dict[str, Any]:
        """Until everything is done, or nothing has happened for a while; returns the figures."""
        config, began = self._config, time.monotonic()
        with self._open_server(self._folder) as self._server:
            put = self._venvs.command(
                self._name,
                "put",
                self._server.url,
                str(config.tasks),
                str(self._traces),
                str(config.task_seconds),
            )
            subprocess.run(put, check=True, stderr=subprocess.DEVNULL, timeout=60)
            try:
                self._burn()
            finally:
                for worker in self._workers:
                    _signal(worker.pid, signal.SIGKILL)
                    worker.wait()
            known = self._venvs.remaining(self._name, self._server.url)
        executions = [name.split(".")[0] for name in os.listdir(self._traces)]
        undone = config.tasks - len(set(executions))
        return {
            "tasks": config.tasks,
            "lost": max(0, undone - known),
            "stuck": min(undone, known),
            "done_again": len(executions) - len(set(executions)),
            "seconds": time.monotonic() - began,
        }

    def _burn(self) -> None:
        config = self._config
        faults = [self._kill] * config.kills + [self._stop] * config.stops
        faults += [self._kill_redis] * config.redis_kills
        self._rng.shuffle(faults)
        hit, most, last_progress = 0, 0, time.monotonic()
        while most < config.tasks and time.monotonic() - last_progress < PATIENCE_SECONDS:
            self._replace_dead()
            self._wake()
            done = len({name.split(".")[0] for name in os.listdir(self._traces)})
            if done > most:
                most, last_progress = done, time.monotonic()
            if hit < len(faults) and done >= config.tasks * (hit + 1) / (len(faults) + 1):
                faults[hit]()
                hit += 1
            time.sleep(0.05)
        # What was stopped or delivered a second time ends now, and is seen.
        give_up = time.monotonic() + 2 * config.lease_seconds
        while self._waking or time.monotonic() < give_up:
            self._wake()
            time.sleep(0.05)

    def _replace_dead(self) -> None:
        self._workers = [worker for worker in self._workers if worker.poll() is None]
        while len(self._workers) < self._config.workers:
            command = self._venvs.command(self._name, "work", self._server.url)
            self._workers.append(
                subprocess.Popen(
                    command,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    cwd=tempfile.gettempdir(),
                )
            )

    def _kill(self) -> None:
        _signal(self._rng.choice(self._workers).pid, signal.SIGKILL)

    def _stop(self) -> None:
        worker = self._rng.choice(self._workers)
        _signal(worker.pid, signal.SIGSTOP)
        self._waking.append((time.monotonic() + 1.5 * self._config.lease_seconds, worker.pid))

    def _wake(self) -> None:
        for moment, pid in list(self._waking):
            if time.monotonic() >= moment:
                _signal(pid, signal.SIGCONT)
                self._waking.remove((moment, pid))

    def _kill_redis(self) -> None:
        self._server.kill()
        time.sleep(self._rng.uniform(0.2, 1.5))
        self._server.start()


def _signal(pid: int, number: int) -> None:
    """To the worker and the children of its session's group."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass  # killed in the meantime
