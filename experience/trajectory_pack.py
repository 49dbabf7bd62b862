"""Writes the small columns of many episodes one after another into plain arrays that can be mapped."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from potstill.experience.atomic_write import full_disk_named, sync_folder
from potstill.experience.episode_codec import EpisodeFile
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import EpisodeFileError
from potstill.experience.round_manifest import EpisodeEntry

#: Facts of the packed episodes, in the order of their rows. Written last.
FACTS_FILE = "episodes.json"
#: Names of the columns; ``TrajectoryTable.columns`` says what they hold.
COLUMNS = ("state", "action", "reward", "success", "mu", "log_std", "labelled_std", "episode", "step")


@dataclass(frozen=True, kw_only=True)
class PackedEpisode:
    """What the table keeps of one episode beside its rows."""

    round: int
    index: int
    steps: int
    task: str
    robot: str
    model_hash: str


def pack_trajectories(store: EpisodeStore, entries: Iterable[EpisodeEntry], folder: Path) -> None:
    """Fill ``folder`` (there, and empty) with one ``.npy`` file per column and ``FACTS_FILE``, all fsynced.

    One episode is in memory at a time.

    Raises:
        EpisodeFileError: a file is missing or not the committed one, is shaped unlike the others, or was simulated
            with another model than its robot and task elsewhere: mislabelled data.
        StoreFullError: no space.
    """
    entries = list(entries)
    rows = sum(entry.steps for entry in entries)
    episodes: list[PackedEpisode] = []
    models: dict[tuple[str, str], str] = {}
    columns: dict[str, _ColumnFile] = {}
    with full_disk_named(folder), ExitStack() as files:
        for number, entry in enumerate(entries):
            with _committed(store, entry) as file:
                episodes.append(_facts(file, models))
                arrays = _columns(file, number)
            for name, array in arrays.items():
                if name not in columns:
                    output = files.enter_context(open(folder / f"{name}.npy", "xb"))
                    columns[name] = _ColumnFile(output, array, rows)
                columns[name].append(array, f"{file.path}: {name}")
        for column in columns.values():
            _sync(column.output)
        with open(folder / FACTS_FILE, "x") as text:
            json.dump([asdict(episode) for episode in episodes], text)
            _sync(text)
        sync_folder(folder)


class _ColumnFile:
    """A ``.npy`` file of a known number of rows, written from the front; rows are shaped like the first ones."""

    def __init__(self, output: IO[bytes], first: np.ndarray, rows: int) -> None:
        self.output, self._row = output, (first.shape[1:], first.dtype)
        header = {
            "descr": np.lib.format.dtype_to_descr(first.dtype),
            "fortran_order": False,
            "shape": (rows, *first.shape[1:]),
        }
        np.lib.format.write_array_header_1_0(output, header)

    def append(self, array: np.ndarray, what: str) -> None:
        shape, dtype = self._row
        if (array.shape[1:], array.dtype) != self._row:
            raise EpisodeFileError(
                f"{what} is {array.shape[1:]} {array.dtype} per step, other episodes' {shape} {dtype}"
            )
        self.output.write(array.tobytes())


@contextmanager
def _committed(store: EpisodeStore, entry: EpisodeEntry) -> Iterator[EpisodeFile]:
    """The episode's file, when its bytes are the committed ones: they are about to be trusted for good."""
    path = store.local_path(entry)
    with open(path, "rb") as data:
        if hashlib.file_digest(data, "sha256").hexdigest() != entry.sha256:
            raise EpisodeFileError(f"{path}: corrupt: its sha256 is not the committed one")
    with EpisodeFile(path) as file:
        if len(file) != entry.steps:
            raise EpisodeFileError(f"{path}: holds {len(file)} steps, committed with {entry.steps}")
        yield file


def _facts(file: EpisodeFile, models: dict[tuple[str, str], str]) -> PackedEpisode:
    meta = file.meta
    model = models.setdefault((meta.robot, meta.task), meta.model_hash)
    if meta.model_hash != model:
        raise EpisodeFileError(
            f"{file.path}: says {meta.task} with {meta.robot}, but its model {meta.model_hash[:12]!r} is not that of "
            f"other such episodes, {model[:12]!r}: another robot, other dynamics or another version"
        )
    return PackedEpisode(
        round=meta.round,
        index=meta.index,
        steps=len(file),
        task=meta.task,
        robot=meta.robot,
        model_hash=meta.model_hash,
    )


def _columns(file: EpisodeFile, number: int) -> dict[str, np.ndarray]:
    steps = len(file)

    def read(name: str) -> np.ndarray:
        if name not in file.header.arrays:
            raise EpisodeFileError(f"{file.path}: holds no {name}")
        return file.read_rows(name, 0, steps)

    label = read("expert_action")
    labelled = "expert_log_std" in file.header.arrays
    columns = (
        *(read(name) for name in ("proprio", "action", "reward", "success")),
        label,
        read("expert_log_std") if labelled else np.zeros_like(label),
        np.full(steps, labelled),
        np.full(steps, number, np.int32),
        np.arange(steps, dtype=np.int32),
    )
    return dict(zip(COLUMNS, columns, strict=True))


def _sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
