"""One step of a run and everything its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the run with everything its result depends on."""

    name: str
    """What is done, for people and folders, e.g. ``round_01.rollout``."""
    inputs: Mapping[str, Any]
    """JSON values: settings and hashes of earlier outputs."""

    @property
    def key(self) -> str:
        """First 8 hex digits of the inputs' hash; part of the stage's task ids."""
        text = json.dumps(self.inputs, sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def group(self) -> str:
        """The stage's group in the queue's ledger."""
        return f"{self.name}.{self.key}"
