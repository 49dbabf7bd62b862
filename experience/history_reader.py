"""Reads the columns that are asked for out of a finished learning history, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from potstill.experience.errors import ArrayFileError, ManifestError
from potstill.experience.history_archive import HistoryArchive
from potstill.experience.history_shard import HistoryShard
from potstill.experience.safetensors_header import SafetensorsHeader, pread_into


class HistoryReader:
    """One split of an archive."""

    def __init__(self, folder: Path, *, split: str, expected_model_hash: str | None = None) -> None:
        """Read the manifest, not the data.

        Raises:
            ManifestError: no archive, a damaged one, or one of another robot, task or dynamics.
            ValueError: unknown split.
        """
        self._folder = folder
        archive = HistoryArchive.read(folder)
        self.facts = archive.facts
        if expected_model_hash is not None and expected_model_hash != self.facts.model_hash:
            raise ManifestError(
                f"{folder}: is a history of {self.facts.task} with {self.facts.robot} "
                f"(model {self.facts.model_hash[:12]}), wanted one of model {expected_model_hash[:12]}"
            )
        self._shards = archive.of(split)

    def __len__(self) -> int:
        """Rows of the split."""
        return sum(int(shard["rows"]) for shard in self._shards)

    def episodes(self) -> list[int]:
        """Seeds of the split's episodes."""
        return [episode for shard in self._shards for episode in shard["episodes"]]

    def columns(self, names: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        """For each shard the named columns (see ``HistoryShard``), read when it is its turn.

        Raises:
            ArrayFileError: a file is missing, another one than the manifest names, truncated, or without the column.
        """
        for shard in self._shards:
            yield self._read(self._folder / shard["file"], shard, names)

    def verify(self) -> None:
        """Read everything and check every seal; raises ArrayFileError naming the first damaged file."""
        for shard, _ in zip(self._shards, self.columns(())):
            HistoryShard.read(self._folder / shard["file"])

    def _read(self, path: Path, shard: dict[str, Any], names: Sequence[str]) -> dict[str, np.ndarray]:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ArrayFileError(f"{path}: {error.strerror}") from error
        try:
            header = SafetensorsHeader.read(descriptor)
            if json.loads(header.metadata["potstill"])["sha256"] != shard["sha256"]:
                raise ValueError("is not the shard that the manifest names")
            found = {}
            for name in names:
                spec = header.arrays[name]
                found[name] = np.empty(spec.shape, spec.dtype)
                pread_into(descriptor, found[name].data.cast("B"), spec.offset, path)
            return found
        except KeyError as error:
            raise ArrayFileError(f"{path}: holds no {error}") from error
        except (ValueError, OSError) as error:
            raise ArrayFileError(f"{path}: {error}") from error
        finally:
            os.close(descriptor)
