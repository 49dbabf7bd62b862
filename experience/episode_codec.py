"""An episode as one safetensors file: written from a record, read back lazily by rows or whole."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from potstill.experience.episode import EPISODE_VERSION, Episode, EpisodeMeta
from potstill.experience.errors import EpisodeFileError
from potstill.experience.safetensors_bytes import safetensors_bytes
from potstill.experience.safetensors_header import SafetensorsHeader, pread_into

#: Says in the file's metadata what it holds.
FORMAT = "potstill.episode"
METADATA_KEY = "potstill"


def encode_episode(episode: Episode) -> bytes:
    """The bytes of the episode's file; the same episode gives the same bytes."""
    facts = {"format": FORMAT, "version": EPISODE_VERSION, "meta": asdict(episode.meta)}
    return safetensors_bytes(episode.arrays(), {METADATA_KEY: json.dumps(facts, sort_keys=True)})


class EpisodeFile:
    """One episode on a local disk. Only the header is read until rows are asked for; nothing is mapped.

    Use as a context manager, or call ``close``.
    """

    meta: EpisodeMeta
    header: SafetensorsHeader

    def __init__(self, path: Path | str) -> None:
        """Open and check the header.

        Raises:
            EpisodeFileError: missing, corrupt, truncated, not an episode, or of another version.
        """
        self.path = Path(path)
        try:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise EpisodeFileError(f"{self.path}: {error.strerror}") from error
        try:
            self.header = SafetensorsHeader.read(self._descriptor)
            self.meta = _read_meta(self.header)
            self._length = _read_length(self.header)
        except (ValueError, OSError) as error:
            self.close()
            raise EpisodeFileError(f"{self.path}: {error}") from error

    def __len__(self) -> int:
        return self._length

    def __enter__(self) -> EpisodeFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read_rows(self, name: str, start: int, stop: int, *, out: np.ndarray | None = None) -> np.ndarray:
        """Rows ``start:stop`` of one array, into ``out`` when given (C-contiguous, same shape and dtype).

        Raises:
            IndexError: the rows are not all inside the episode.
            ValueError: ``out`` does not fit.
            EpisodeFileError: the file ends early.
        """
        spec = self.header.arrays[name]
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"rows {start}:{stop} of {self.path} with {len(self)} steps")
        shape = (stop - start, *spec.shape[1:])
        rows = np.empty(shape, spec.dtype) if out is None else out
        if rows.shape != shape or rows.dtype != spec.dtype or not rows.flags.c_contiguous:
            raise ValueError(f"out must be C-contiguous {shape} {spec.dtype}: got {rows.shape} {rows.dtype}")
        if rows.size:
            row_bytes = spec.nbytes // len(self)
            try:
                pread_into(self._descriptor, rows.data.cast("B"), spec.offset + start * row_bytes, self.path)
            except (ValueError, OSError) as error:
                raise EpisodeFileError(str(error)) from error
        return rows

    def load(self) -> Episode:
        """The whole record, checked.

        Raises:
            EpisodeFileError: the arrays do not make a valid episode.
        """
        try:
            arrays: dict[str, Any] = {name: self.read_rows(name, 0, len(self)) for name in self.header.arrays}
            return Episode(meta=self.meta, **arrays)
        except (ValueError, TypeError) as error:
            raise EpisodeFileError(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Release the file handle; repeating it is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _read_meta(header: SafetensorsHeader) -> EpisodeMeta:
    try:
        facts = json.loads(header.metadata.get(METADATA_KEY, "{}"))
        if facts.get("format") != FORMAT:
            raise ValueError(f"not an episode (format {facts.get('format')!r}, wanted {FORMAT!r})")
        if facts.get("version") != EPISODE_VERSION:
            raise ValueError(f"episode version {facts.get('version')}, this potstill reads {EPISODE_VERSION}")
        raw = facts["meta"]
        return EpisodeMeta(**{**raw, "cameras": tuple(raw["cameras"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"unreadable episode metadata: {error!r}") from error


def _read_length(header: SafetensorsHeader) -> int:
    """T, which every array must share."""
    lengths = {spec.shape[0] if spec.shape else 0 for spec in header.arrays.values()}
    if len(lengths) != 1 or min(lengths) < 1:
        raise ValueError(f"arrays have different numbers of steps: {sorted(lengths)}")
    return lengths.pop()
