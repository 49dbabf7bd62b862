"""The disk of the episode store: data reach it by fsync, names by fsync of the folder."""

from __future__ import annotations

import random
from dataclasses import dataclass

from simulation.broken_promise_error import BrokenPromiseError


@dataclass(slots=True)
class SimulatedFile:
    """Bytes, and whether they would survive a power cut."""

    content: str
    synced: bool = False


class SimulatedDisk:
    """What ``experience/atomic_write.py`` relies on, and no more."""

    def __init__(self) -> None:
        self._files: dict[str, SimulatedFile] = {}
        self._loose: set[str] = set()

    def fsync(self, file: SimulatedFile) -> None:
        """Its bytes survive from now on."""
        file.synced = True

    def link(self, file: SimulatedFile, name: str) -> bool:
        """Give a file its name; False when the name is taken."""
        if name in self._files:
            return False
        self._files[name] = file
        self._loose.add(name)
        return True

    def rename(self, file: SimulatedFile, name: str) -> None:
        """Give a file its name, whatever had it before."""
        if name in self._files:
            raise BrokenPromiseError(f"the committed {name} was replaced")
        self.link(file, name)

    def sync_folder(self) -> None:
        """All names survive from now on."""
        self._loose.clear()

    def exists(self, name: str) -> bool:
        """Whether the name is there now."""
        return name in self._files

    def is_durable(self, name: str) -> bool:
        """Whether name and bytes would survive."""
        return name in self._files and name not in self._loose and self._files[name].synced

    def cut_power(self, draw: random.Random) -> None:
        """Lose what is not synced; each unsynced name by the toss of a coin, for the kernel may have been faster."""
        for name in sorted(self._loose):
            if draw.random() < 0.5:
                del self._files[name]
        self._loose.clear()
        for name, file in self._files.items():
            if not file.synced:
                raise BrokenPromiseError(f"after a power cut {name} is there without its data")
