"""Committed results: one immutable file per task, the first commit wins, as in the episode store."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


class ResultFolder:
    """Any number of processes may commit the same name; a kill leaves at most a temporary file.

    Args:
        folder: Made if missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)

    def commit(self, name: str, body: bytes) -> bytes:
        """Write, fsync and give it its name, unless it has one already. Returns the body that counts."""
        temporary = self._folder / f".{uuid.uuid4().hex}"
        with temporary.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, self._folder / name)
        except FileExistsError:
            return self.read(name)
        finally:
            temporary.unlink()
        return body

    def read(self, name: str) -> bytes:
        """The committed body."""
        return (self._folder / name).read_bytes()

    def names(self) -> set[str]:
        """Of everything committed."""
        return {name for name in os.listdir(self._folder) if not name.startswith(".")}
