"""One runner in one run directory at a time, and whether there is one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from potstill.launch.errors import BadInputError


@contextmanager
def only_runner(run_dir: Path) -> Iterator[None]:
    """Hold the directory; a lock that ends with the process, however it ends.

    Raises:
        BadInputError: another process holds it.
    """
    lock = FileLock(run_dir / ".runner.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BadInputError(
            f"run_dir: another runner is at work in {run_dir}; stop it first, or wait"
        ) from None
    try:
        yield
    finally:
        lock.release()


def has_runner(run_dir: Path) -> bool:
    """Whether a runner on this machine holds the directory."""
    lock = FileLock(run_dir / ".runner.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
