"""How many workers a run is to have: what its configuration says, until somebody asks for another number."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from potstill.experience.atomic_write import write_atomically
from potstill.launch.errors import BadInputError

Pools = TypeVar("Pools")


class PoolSizes(Generic[Pools]):
    """``pools.json`` in the run directory: written by ``potstill dagger scale``, read by the runner as it works.

    A file, and not a message to the runner: the wish survives the runner's death and counts for the next resume.
    The saved configuration stays as it was, for the number of workers changes no result.
    """

    settings: Mapping[str, str]
    """Of each pool that may change, the setting that holds its size."""

    def __init__(self, run_dir: Path, pools: Pools, settings: Mapping[str, str]) -> None:
        """``pools`` of the run's configuration: the sizes of pools that nobody asked to change."""
        self._path = run_dir / "pools.json"
        self._pools: Any = pools
        self.settings = settings

    def read(self) -> Pools:
        """The sizes wanted now.

        Raises:
            BadInputError: the file is damaged; names it.
        """
        try:
            wishes = json.loads(self._path.read_bytes())
            return dataclasses.replace(self._pools, **{self.settings[pool]: n for pool, n in wishes.items()})
        except FileNotFoundError:
            return self._pools
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise BadInputError(
                f"{self._path}: cannot be read ({reason}); remove it for the sizes of config.yaml"
            ) from None

    def write(self, wishes: dict[str, int]) -> Pools:
        """Ask for ``wishes`` (workers by pool); pools not named keep their size. Returns what is wanted now.

        Raises:
            ValueError: a number out of range.
        """
        now: Any = self.read()
        changes: dict[str, Any] = {self.settings[pool]: count for pool, count in wishes.items()}
        wanted = dataclasses.replace(now, **changes)
        sizes = {pool: getattr(wanted, setting) for pool, setting in self.settings.items()}
        write_atomically(self._path, json.dumps(sizes).encode())
        return wanted
