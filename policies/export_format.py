"""The contract of the file formats that networks are exported to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from potstill.policies.export_module import ExportModule

#: Where a file keeps its facts, as JSON text.
FACTS_KEY = "potstill"


class LoadedExport(Protocol):
    """An exported file, read again."""

    facts: Mapping[str, Any]
    """What was written beside the network."""

    def act(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name of inputs by name, on one thread."""


class ExportFormat(Protocol):
    """One format."""

    suffix: str
    """Of its files, with the dot."""

    def encode(self, module: ExportModule, facts: Mapping[str, Any]) -> bytes:
        """The whole file: network and facts (JSON values). The batch axis may have any length."""

    def load(self, path: Path) -> LoadedExport:
        """Read a file that ``encode`` made; torch's format runs what it finds in there, so of no other."""
