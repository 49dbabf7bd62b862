"""Large arrays in files of one directory that caller and worker share."""

from __future__ import annotations

import mmap
import os
import re
import time
from pathlib import Path

import xxhash

from potstill.queues.errors import MalformedMessageError, PayloadMissingError
from potstill.queues.payload_store import DEFAULT_THRESHOLD_BYTES

#: Files of calls whose caller died are removed after this.
ABANDONED_SECONDS = 86_400.0

#: A piece is still in the processor's cache when it is written after its checksum.
_PIECE_BYTES = 1024 * 1024
_NAME = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,119}\+[0-9a-f]{32}\Z")


class PayloadFiles:
    """``PayloadStore`` in a directory: in ``/dev/shm`` on one machine, in the run directory for several.

    Files are not synced: after a crash of the machine a message may name a file that is gone or damaged. That is
    an error of its own, and what the message was about fails.

    Args:
        directory: Made if missing, for this user only.
        threshold_bytes: Smaller arrays stay in the message.
    """

    def __init__(self, directory: str | Path, *, threshold_bytes: int = DEFAULT_THRESHOLD_BYTES) -> None:
        if threshold_bytes < 0:
            raise ValueError(f"threshold_bytes must not be negative: got {threshold_bytes}")
        self._directory = Path(directory)
        self._prefix = f"{self._directory}/"
        self._threshold_bytes = threshold_bytes
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, scope: str, data: memoryview) -> tuple[str, int] | None:
        """Keep a copy of these bytes; see ``PayloadStore.write``."""
        name = f"{scope}+{os.urandom(16).hex()}"
        if not _NAME.match(name):
            raise ValueError(f"scope must be like an id: got {scope!r}")
        if data.nbytes < self._threshold_bytes:
            return None
        path = self._path(name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            return name, _write(descriptor, data)
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)

    def read(self, name: str, size: int) -> memoryview:
        """The mapped bytes; see ``PayloadStore.read``."""
        if not _NAME.match(name):
            raise MalformedMessageError(f"{name[:200]!r} is not the name of a payload file")
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as error:
            raise PayloadMissingError(f"payload file {name} cannot be read: {error.strerror}") from None
        try:
            found = os.fstat(descriptor).st_size
            if found != size or size == 0:
                raise MalformedMessageError(f"payload file {name} has {found} bytes: its message says {size}")
            # Not MAP_POPULATE: it visits every page, where a fault brings its neighbours along.
            return memoryview(mmap.mmap(descriptor, size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ))
        finally:
            os.close(descriptor)

    def take(self, name: str, size: int) -> memoryview:
        """The mapped bytes, of a file that is there no more; see ``PayloadStore.take``."""
        view = self.read(name, size)
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            pass  # freed a moment ago
        return view

    def free(self, scope: str) -> int:
        """Remove the files of a scope; see ``PayloadStore.free``."""
        return self._remove(f"{scope}+*", before=float("inf"))

    def free_all(self) -> None:
        """Remove every file."""
        self._remove("*+*", before=float("inf"))

    def sweep(self) -> int:
        """Remove what belongs to calls that ended long ago without an answer; returns how many files."""
        before = time.time() - ABANDONED_SECONDS
        return self._remove("call.*+*", before=before) + self._remove("reply.*+*", before=before)

    def _path(self, name: str) -> str:
        return self._prefix + name

    def _remove(self, pattern: str, *, before: float) -> int:
        removed = 0
        for path in self._directory.glob(pattern):
            if _NAME.match(path.name) and path.lstat().st_mtime < before:
                path.unlink(missing_ok=True)
                removed += 1
        return removed


def _write(descriptor: int, data: memoryview) -> int:
    """Writes everything; returns its xxh3-64."""
    checksum = xxhash.xxh3_64()
    for first in range(0, data.nbytes, _PIECE_BYTES):
        piece = data[first : first + _PIECE_BYTES]
        checksum.update(piece)
        while piece:  # a disk that is nearly full takes a part
            piece = piece[os.write(descriptor, piece) :]
    return checksum.intdigest()
