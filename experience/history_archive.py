"""A finished learning history: labelled shards, divided by episode, and the manifest that seals them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from potstill.experience.atomic_write import write_atomically
from potstill.experience.errors import ManifestError
from potstill.experience.history_shard import HistoryFacts, HistoryShard
from potstill.experience.stable_draw import stable_draw

#: Last to be written and first to be removed: without it there is no archive.
MANIFEST_FILE = "manifest.json"
SPLITS = ("train", "validation")
#: The only names of shards; keeps a doctored manifest from pointing outside its folder.
_FILE = re.compile(r"(train|validation)/\d{5}\.safetensors")


@dataclass(frozen=True, kw_only=True)
class HistoryArchive:
    """What ``folder/manifest.json`` says of the shards ``folder/SPLIT/NAME.safetensors``."""

    facts: HistoryFacts
    shards: tuple[dict[str, Any], ...]
    """In order; of each ``split``, ``file``, ``sha256``, ``rows`` and ``episodes`` (their seeds)."""

    def of(self, split: str) -> list[dict[str, Any]]:
        """The shards of one split."""
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}: got {split!r}")
        return [shard for shard in self.shards if shard["split"] == split]

    @classmethod
    def read(cls, folder: Path) -> HistoryArchive:
        """Raises ManifestError when there is no archive, or a damaged one."""
        path = folder / MANIFEST_FILE
        try:
            content = json.loads(path.read_bytes())
            for shard in content["shards"]:
                if not _FILE.fullmatch(shard["file"]):
                    raise ValueError(f"{shard['file']!r} is no name of a shard")
            return cls(facts=HistoryFacts(**content["facts"]), shards=tuple(content["shards"]))
        except OSError as error:
            raise ManifestError(f"{path}: {error.strerror}; the history was never finished") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ManifestError(f"{path}: is not the manifest of a history: {error}") from error


def seal_history(
    folder: Path, shards: Iterable[HistoryShard], *, episodes: Sequence[int], validation_fraction: float
) -> HistoryArchive:
    """Write labelled shards and the manifest; an earlier archive in ``folder`` is replaced.

    Args:
        folder: Created when missing.
        shards: At least one, all with equal facts; an episode is in one shard only.
        episodes: Seeds of all episodes of all shards.
        validation_fraction: Exactly this share of the episodes (rounded) is held out, chosen by their seeds alone.

    Raises:
        ValueError: shards without labels, or with different facts.
        StoreFullError: no space; there is no archive then.
    """
    (folder / MANIFEST_FILE).unlink(missing_ok=True)
    held_out = _held_out(episodes, validation_fraction)
    entries: list[dict[str, Any]] = []
    facts: HistoryFacts | None = None
    for number, shard in enumerate(shards):
        facts = facts or shard.facts
        if shard.facts != facts or not facts.expert:
            raise ValueError("the shards of an archive must have labels and equal facts")
        validates = np.isin(shard.episode_seed, held_out)
        for split, rows in zip(SPLITS, (~validates, validates)):
            if rows.any():
                entries.append(_write(folder, f"{split}/{number:05d}.safetensors", split, shard.select(rows)))
    if facts is None:
        raise ValueError("an archive must have at least one shard")
    _remove_others(folder, {entry["file"] for entry in entries})
    content = {"facts": asdict(facts), "shards": entries}
    write_atomically(folder / MANIFEST_FILE, json.dumps(content, indent=1, sort_keys=True).encode())
    return HistoryArchive(facts=facts, shards=tuple(entries))


def _held_out(episodes: Sequence[int], fraction: float) -> list[int]:
    drawn = sorted(set(episodes), key=lambda episode: stable_draw(f"history:{episode}"))
    return drawn[: round(fraction * len(drawn))]


def _write(folder: Path, file: str, split: str, shard: HistoryShard) -> dict[str, Any]:
    sha256 = shard.write(folder / file)
    return {
        "split": split,
        "file": file,
        "sha256": sha256,
        "rows": len(shard),
        "episodes": shard.episodes(),
    }


def _remove_others(folder: Path, files: set[str]) -> None:
    for split in SPLITS:
        for path in (folder / split).glob("*.safetensors"):
            if f"{split}/{path.name}" not in files:
                path.unlink()
