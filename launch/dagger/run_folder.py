"""The run directory of a DAgger run."""

from __future__ import annotations

from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.engine.run_folder import RunFolder


class DaggerFolder(RunFolder[DaggerConfig]):
    """See ``RunFolder``."""

    config_class = DaggerConfig
    verb = "dagger"
