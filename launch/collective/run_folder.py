"""The run directory of a collective run."""

from __future__ import annotations

from pathlib import Path

from potstill.launch.collective.config import CollectiveConfig
from potstill.launch.engine.run_folder import RunFolder


class CollectiveFolder(RunFolder[CollectiveConfig]):
    """See ``RunFolder``; beside its files ``cache/`` (packed episodes and codes; may be removed)."""

    config_class = CollectiveConfig
    verb = "collective"

    @property
    def cache(self) -> Path:
        """What is made from the episodes and can be made again."""
        return self.path / "cache"
