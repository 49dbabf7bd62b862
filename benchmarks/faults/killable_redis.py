"""A Redis server on a loopback port that can be killed and started again on the same append-only file."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from potstill.cluster.embedded_redis import SETTINGS
from potstill.cluster.redis_program import redis_program
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.redis_connection import connect


class KillableRedis:
    """Has the embedded server's settings, but listens on TCP, which every library can speak.

    Args:
        directory: Of the append-only file.
    """

    def __init__(self, directory: str | Path) -> None:
        self._directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        """Stays the same over restarts."""
        self.start()

    def start(self) -> None:
        """Start, and wait until the file is loaded."""
        options = {**SETTINGS, "port": self._port, "bind": "127.0.0.1", "dir": self._directory, "save": ""}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([redis_program(), *words], stdout=subprocess.DEVNULL)
        give_up = time.monotonic() + 30
        while True:
            try:
                connect(self.url, outage_seconds=0.0).close()
            except QueueUnavailableError:
                if self._process.poll() is not None or time.monotonic() > give_up:
                    raise
                time.sleep(0.01)
            else:
                return

    def kill(self) -> None:
        """SIGKILL: what the process had not handed to the kernel is lost."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def cpu_seconds(self) -> float:
        """Processor time of the server process since it started."""
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text("ascii").split()[0]) / 1e9

    def __enter__(self) -> KillableRedis:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
