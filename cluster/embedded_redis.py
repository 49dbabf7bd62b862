"""A private Redis server in the run directory, for runs that are given no URL."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from filelock import FileLock

from potstill.cluster.redis_program import redis_program
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.server_settings import server_settings

#: What the ledger's durability rests on; read back from the server before it is used.
SETTINGS = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "port": "0"}

_MAX_SOCKET_PATH_BYTES = 107
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class EmbeddedRedis:
    """Starts a server (or joins the live one) on a private unix socket.

    The server ends with the process that started it (on Linux: with the *thread* that did, so start it from
    one that lives as long as the run). A second ``EmbeddedRedis`` on the same directory uses the first one's
    server.

    Args:
        directory: Holds the append-only file, the log and the socket; made if missing.

    Raises:
        QueueUnavailableError: no server program, it does not start, or it runs with other settings.
    """

    def __init__(self, directory: str | Path) -> None:
        self._directory = Path(directory).resolve()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._socket = _socket_path(self._directory)
        self._process: subprocess.Popen[bytes] | None = None
        # Two starters must not take the socket from each other.
        with FileLock(self._directory / "redis.lock", timeout=_START_SECONDS):
            if not self._answers():
                self._start()
        self._check_settings()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"unix://{self._socket}"

    def stop(self) -> None:
        """End the server if this object started it; its data stay in the directory. May be repeated."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> EmbeddedRedis:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        if not self._socket.exists():
            return False
        try:
            server_settings(self.url, [])
        except QueueUnavailableError:
            return False
        return True

    def _start(self) -> None:
        self._socket.unlink(missing_ok=True)
        log = self._directory / "redis.log"
        options = {**SETTINGS, "dir": self._directory, "save": "", "logfile": log, "daemonize": "no"}
        options |= {"unixsocket": self._socket, "unixsocketperm": "700"}
        command = [
            redis_program(),
            *(str(word) for name, value in options.items() for word in (f"--{name}", value)),
        ]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C goes to the run, which stops its server last.
            start_new_session=True,
            preexec_fn=_dies_with(os.getpid()),
        )
        give_up = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise QueueUnavailableError(
                    f"{command[0]} did not start in {self._directory}: {_last_line(log)}"
                )
            time.sleep(0.005)

    def _check_settings(self) -> None:
        found = server_settings(self.url, list(SETTINGS))
        wrong = [
            f"{name} is {found.get(name)!r}" for name, value in SETTINGS.items() if found.get(name) != value
        ]
        if wrong:
            self.stop()
            raise QueueUnavailableError(f"the server on {self._socket} is not ours: {', '.join(wrong)}")


def live_url(directory: str | Path) -> str | None:
    """URL of the embedded server that is running on ``directory``, or None."""
    path = _socket_path(Path(directory).resolve())
    return f"unix://{path}" if path.exists() else None


def _socket_path(directory: Path) -> Path:
    """A socket in the directory, or, where its path is too long for the kernel, in a private short one."""
    path = directory / "redis.sock"
    if len(os.fsencode(path)) <= _MAX_SOCKET_PATH_BYTES:
        return path
    digest = hashlib.blake2b(os.fsencode(directory), digest_size=8).hexdigest()
    private = Path(tempfile.gettempdir()) / f"potstill-{os.getuid()}-{digest}"
    private.mkdir(mode=0o700, exist_ok=True)
    # Somebody else's directory of that name could hold a false server.
    facts = private.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise QueueUnavailableError(f"{private} must be a directory of yours with mode 700: remove it")
    path = private / "redis.sock"
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH_BYTES:
        raise QueueUnavailableError(f"the socket path {path} is too long: set TMPDIR to a shorter directory")
    return path


def _dies_with(parent: int) -> Callable[[], None]:
    """What the child does before it becomes the server: ask the kernel for SIGTERM when the parent dies."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            os._exit(1)

    return prepare


def _last_line(log: Path) -> str:
    text = log.read_text("utf-8", "replace").strip() if log.exists() else ""
    return text.splitlines()[-1] if text else "it wrote no log"
