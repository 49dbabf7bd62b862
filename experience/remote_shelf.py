"""Any fsspec file system (s3://, gs://, memory://), with a local cache for reading."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from pathlib import Path

import fsspec

from potstill.experience.atomic_write import write_atomically


class RemoteShelf:
    """``Shelf`` on object storage, where one put is atomic and ``mode="create"`` is exclusive.

    Data files never change under a name, so a cached copy is never stale; the cache is as large as what is
    read.
    """

    def __init__(self, filesystem: fsspec.AbstractFileSystem, root: str, *, cache: Path) -> None:
        """``cache`` is a local folder of this shelf alone; it may survive the process."""
        self._filesystem = filesystem
        self._root = root
        self._cache = cache

    def write(self, name: str, data: bytes) -> None:  # noqa: D102 - see Shelf
        self._filesystem.pipe_file(self._make_folder(name), data)

    def create(self, name: str, data: bytes) -> bool:  # noqa: D102
        try:
            self._filesystem.pipe_file(self._make_folder(name), data, mode="create")
        except FileExistsError:
            return False
        return True

    def read(self, name: str) -> bytes:  # noqa: D102
        return self._filesystem.cat_file(self._remote(name))

    def names(self, folder: str) -> list[str]:  # noqa: D102
        # Listings may be cached by fsspec; another worker's commit must be seen.
        self._filesystem.invalidate_cache()
        with suppress(FileNotFoundError):
            return sorted(
                posixpath.basename(path) for path in self._filesystem.ls(self._remote(folder), detail=False)
            )
        return []

    def remove(self, name: str) -> None:  # noqa: D102
        with suppress(FileNotFoundError):
            self._filesystem.rm_file(self._remote(name))
        (self._cache / name).unlink(missing_ok=True)

    def local_path(self, name: str) -> Path:  # noqa: D102
        path = self._cache / name
        if not path.exists():
            write_atomically(path, self.read(name))
        return path

    def describe(self, name: str) -> str:  # noqa: D102
        return self._filesystem.unstrip_protocol(self._remote(name))

    def _remote(self, name: str) -> str:
        return posixpath.join(self._root, name)

    def _make_folder(self, name: str) -> str:
        path = self._remote(name)
        self._filesystem.makedirs(posixpath.dirname(path), exist_ok=True)
        return path
