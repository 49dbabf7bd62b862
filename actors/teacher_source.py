"""Which teacher a rollout asks, as it stands in the task."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TeacherSource:
    """The oracle, or an expert's file."""

    folder: str = ""
    """Holds ``expert.safetensors``; empty = Meta-World's scripted policy."""
    sha256: str = ""
    """Expected of the expert; empty for the oracle."""

    def __post_init__(self) -> None:
        if bool(self.folder) != bool(self.sha256):
            raise ValueError(f"folder and sha256 belong together: got {self.folder!r} and {self.sha256!r}")
