"""A folder of this machine, or of a network file system with POSIX renames and hard links."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from potstill.experience.atomic_write import create_exclusively, write_atomically


class LocalShelf:
    """``Shelf`` on a local path: fsync and rename, exclusive creation by hard link, no copies."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, data: bytes) -> None:  # noqa: D102 - see Shelf
        write_atomically(self._root / name, data)

    def create(self, name: str, data: bytes) -> bool:  # noqa: D102
        return create_exclusively(self._root / name, data)

    def read(self, name: str) -> bytes:  # noqa: D102
        return (self._root / name).read_bytes()

    def names(self, folder: str) -> list[str]:  # noqa: D102
        with suppress(FileNotFoundError):
            return sorted(path.name for path in (self._root / folder).iterdir())
        return []

    def remove(self, name: str) -> None:  # noqa: D102
        (self._root / name).unlink(missing_ok=True)

    def local_path(self, name: str) -> Path:  # noqa: D102
        return self._root / name

    def describe(self, name: str) -> str:  # noqa: D102
        return str(self._root / name)
