"""What the quality gate said of an expert: ``manifest.json`` beside its file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from potstill.experience.atomic_write import write_atomically
from potstill.experience.errors import ManifestError

MANIFEST_FILE = "manifest.json"
#: Stands as the expert where the scripted policy takes its place.
ORACLE_FALLBACK = "oracle-fallback"


@dataclass(frozen=True, kw_only=True)
class ExpertManifest:
    """Who is the expert of a task and robot, and why."""

    expert: str
    """sha256 of the expert's file, or ``oracle-fallback``."""
    reason: str
    """Why the gate let it pass or not, for people."""
    task: str
    robot: str
    model_hash: str
    threshold: float
    """Success rate that was asked for, [0, 1]."""
    success_rate: float
    """Of the trained expert, [0, 1], whether it passed or not."""
    eval_episodes: int
    """Behind ``success_rate``."""
    rejected: str
    """sha256 of the expert that did not pass; empty when it passed, or there was none."""
    history: dict[str, int]
    """Episodes of the labelled history, by split."""

    @property
    def passed(self) -> bool:
        """Whether the trained expert is the expert."""
        return self.expert != ORACLE_FALLBACK

    def write(self, folder: Path) -> None:
        """Write ``folder/manifest.json`` atomically; raises StoreFullError."""
        content = json.dumps({**asdict(self), "passed": self.passed}, indent=1, sort_keys=True)
        write_atomically(folder / MANIFEST_FILE, content.encode())

    @classmethod
    def read(cls, folder: Path) -> ExpertManifest | None:
        """The manifest of an expert's folder, None when there is none; raises ManifestError for a damaged one."""
        path = folder / MANIFEST_FILE
        try:
            content = json.loads(path.read_bytes())
            content.pop("passed")
            return cls(**content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ManifestError(f"{path}: is not the manifest of an expert: {error}") from error
