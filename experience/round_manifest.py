"""What a round of episodes consists of: one entry per committed episode, sealed when complete."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass

MANIFEST_VERSION = 1
#: The only names of data files; keeps a doctored entry from pointing outside its folder.
DATA_FILE_PATTERN = re.compile(r"^\d{5,9}\.[0-9a-f]{8}\.safetensors$")

#: Inside the entry, ``bytes`` is a field.
Data = bytes


@dataclass(frozen=True, kw_only=True)
class EpisodeEntry:
    """One committed episode of a round."""

    run: str
    round: int
    index: int
    """0..N-1 within the round."""
    file: str
    """Name of the data file within the round's folder."""
    sha256: str
    """Of the data file."""
    bytes: int
    """Size of the data file."""
    steps: int
    success: bool
    seed: int
    actor: str

    def __post_init__(self) -> None:
        if not DATA_FILE_PATTERN.match(self.file):
            raise ValueError(f"EpisodeEntry.file must match {DATA_FILE_PATTERN.pattern}: got {self.file!r}")
        if min(self.round, self.index) < 0 or min(self.bytes, self.steps) < 1:
            raise ValueError(f"EpisodeEntry numbers out of range: {self}")

    def to_json(self) -> Data:
        """The entry file's bytes."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: Data) -> EpisodeEntry:
        """The inverse of ``to_json``; raises ValueError for anything else."""
        try:
            return cls(**json.loads(data))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not an episode entry: {error}") from error


@dataclass(frozen=True, kw_only=True)
class RoundManifest:
    """A complete round: exactly the entries 0..requested-1, in order."""

    round: int
    requested: int
    entries: tuple[EpisodeEntry, ...]

    def __post_init__(self) -> None:
        held = [entry.index for entry in self.entries]
        if held != list(range(self.requested)):
            missing = sorted(set(range(self.requested)) - set(held))
            extra = sorted(set(held) - set(range(self.requested)))
            raise ValueError(
                f"round {self.round} must hold episodes 0..{self.requested - 1} once each: "
                f"missing {_some(missing)}, beyond the request {_some(extra)}"
            )
        if any(entry.round != self.round for entry in self.entries):
            raise ValueError(f"round {self.round} holds entries of another round")

    @property
    def sha256(self) -> str:
        """Of the manifest's own content; changes when any episode does."""
        return hashlib.sha256(json.dumps(self._body(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> bytes:
        """The manifest file's bytes, with the hash of itself."""
        return json.dumps({**self._body(), "sha256": self.sha256}, sort_keys=True, indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> RoundManifest:
        """The inverse of ``to_json``.

        Raises:
            ValueError: not a manifest, of another version, or altered since it was sealed.
        """
        try:
            raw = json.loads(data)
            if raw["version"] != MANIFEST_VERSION:
                raise ValueError(f"manifest version {raw['version']}, this potstill reads {MANIFEST_VERSION}")
            entries = tuple(EpisodeEntry(**entry) for entry in raw["entries"])
            manifest = cls(round=raw["round"], requested=raw["requested"], entries=entries)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a round manifest: {error!r}") from error
        if manifest.sha256 != raw.get("sha256"):
            raise ValueError("the manifest was altered: its own hash does not match")
        return manifest

    def _body(self) -> dict:
        return {
            "version": MANIFEST_VERSION,
            "round": self.round,
            "requested": self.requested,
            "entries": [asdict(entry) for entry in self.entries],
        }


def _some(indices: list[int], limit: int = 10) -> str:
    shown = ", ".join(str(index) for index in indices[:limit])
    return f"[{shown}{', ...' if len(indices) > limit else ''}] ({len(indices)})"
