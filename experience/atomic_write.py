"""Writing a local file so that it is either there and whole, or not there."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from potstill.experience.errors import StoreFullError

#: Marks files in flight; left behind only by a killed process.
TEMPORARY_SUFFIX = ".tmp"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Write ``data`` beside ``path``, fsync, and rename it over ``path``.

    Raises:
        StoreFullError: no space; ``path`` is as it was and the temporary file is gone.
    """
    with temporary_file(path, data) as temporary, full_disk_named(path):
        os.replace(temporary, path)
        sync_folder(path.parent)


def create_exclusively(path: Path, data: bytes) -> bool:
    """Like ``write_atomically``, but never replaces: returns False when ``path`` already exists."""
    with temporary_file(path, data) as temporary, full_disk_named(path):
        try:
            # A hard link, unlike a rename, fails when the name is taken: the first one wins, also over NFS.
            os.link(temporary, path)
            created = True
        except FileExistsError:
            created = False
        # Also the name of another: whoever finds it goes on as if it were safe, and its maker may have died here.
        sync_folder(path.parent)
    return created


@contextmanager
def temporary_file(path: Path, data: bytes | memoryview) -> Iterator[Path]:
    """A fsynced file with ``data`` in ``path``'s folder, removed on leaving unless it was renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    try:
        with full_disk_named(path):
            make_folder(path.parent)
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """Turn the operating system's words for "full" into ``StoreFullError`` naming ``path``."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StoreFullError(f"{path}: {error.strerror}; free some space and resume") from error


def make_folder(folder: Path) -> None:
    """Make ``folder`` and what is missing above it, so that their names survive a power cut."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
    # Also the name of a folder that is there: its maker may have died here. Names further up are safe, because
    # nobody makes a folder in one whose own name is not. A parent that is not ours to read is not ours to make safe.
    with suppress(PermissionError):
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
