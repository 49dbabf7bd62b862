"""A Redis server on a loopback port that can be killed and started again on the same append-only file."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
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
        program: Another server's program with words of its own; None: the embedded one's.
        environment: Of that program; None: ours.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        program: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        self._program = list(program or [redis_program()])
        self._environment = environment
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
            """On 127.0.0.1."""
        self.url = f"redis://127.0.0.1:{self.port}/0"
        """Stays the same over restarts."""
        self.start()

    def start(self) -> None:
        """Start, and wait until the file is loaded."""
        options = {**SETTINGS, "port": self.port, "bind": "127.0.0.1", "dir": self._directory, "save": ""}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [*self._program[:1], *words, *self._program[1:]], stdout=subprocess.DEVNULL, env=self._environment
        )
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
