"""The contract of what holds a store's files: a local folder, or any fsspec file system."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Shelf(Protocol):
    """Whole files by name; a name is ``folder/file``, both checked by the caller."""

    def write(self, name: str, data: bytes) -> None:
        """Write or replace; a reader sees the old file, none, or the new one, never a part.

        Raises:
            StoreFullError: nothing was written.
        """

    def create(self, name: str, data: bytes) -> bool:
        """Write unless the name exists; of several writers exactly one gets True.

        Raises:
            StoreFullError: nothing was written.
        """

    def read(self, name: str) -> bytes:
        """The whole file; FileNotFoundError when it is not there."""

    def names(self, folder: str) -> list[str]:
        """Sorted names of a folder's files, hidden temporary ones included; empty when there is no folder."""

    def remove(self, name: str) -> None:
        """Delete; no error when it is not there."""

    def local_path(self, name: str) -> Path:
        """A local file with the content, fetched into a cache when the shelf is remote."""

    def describe(self, name: str) -> str:
        """What to call the file in messages: its full path or URL."""
