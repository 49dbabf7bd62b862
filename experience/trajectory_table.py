"""The steps of sealed rounds as one table of mapped columns: windows, splits, statistics."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock

from potstill.experience.atomic_write import TEMPORARY_SUFFIX, make_folder, sync_folder
from potstill.experience.context_window import ContextWindows
from potstill.experience.episode_split import Split
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import ArrayFileError, ManifestError
from potstill.experience.round_manifest import RoundManifest
from potstill.experience.trajectory_pack import COLUMNS, FACTS_FILE, PackedEpisode, pack_trajectories
from potstill.experience.trajectory_split import held_out_episodes

#: Of the packed form; another one is packed anew under another name.
_VERSION = 1
#: Rows that statistics look at together.
_CHUNK = 1 << 16


class TrajectoryTable:
    """R steps of E episodes, row by row, an episode's rows together and in order.

    ::

        sealed rounds -> cache/<hash of their manifests>/state.npy, action.npy, ..., episodes.json

    The first who asks for these rounds packs them, in a folder that gets its name when it is whole; everyone else
    finds it. The columns are mapped: what is not looked at is not read, and the kernel may drop pages it needs
    elsewhere. Legend: R rows, S state, A action, K length of a window.
    """

    columns: Mapping[str, np.ndarray]
    """state (R, S), action (R, A), reward (R,), mu (R, A), log_std (R, A) float32; labelled_std, success (R,) bool;
    episode, step (R,) int32. mu is the expert's action, log_std that of its Gaussian before the squashing, 0 where
    ``labelled_std`` is False: such an expert has none. Read-only."""
    episodes: tuple[PackedEpisode, ...]
    """In the order of the rows."""
    tasks: tuple[str, ...]
    """Names, sorted."""
    robots: tuple[str, ...]
    """Names, sorted."""
    cells: tuple[tuple[str, str], ...]
    """(robot, task) of which there are episodes, sorted."""
    folder: Path
    """The packed columns; what is derived from these rounds alone may be cached beside it."""
    fingerprint: str
    """Hash of the rounds' content and the split."""

    def __init__(
        self,
        store: EpisodeStore,
        rounds: Sequence[int],
        *,
        cache: Path,
        split_seed: int,
        validation_fraction: float = 0.1,
    ) -> None:
        """Find the packed columns of ``rounds`` under ``cache``, or pack them.

        Raises:
            ManifestError: a round is not sealed, or there is none.
            EpisodeFileError: a file is missing, corrupt, shaped unlike the others, or mislabelled.
            StoreFullError: no space in ``cache``.
            ArrayFileError: the packed columns were damaged.
        """
        manifests = [store.manifest(round) for round in sorted(set(rounds))]
        if not any(manifest.entries for manifest in manifests):
            raise ManifestError(f"rounds {sorted(set(rounds))} hold no episode to train on")
        content = _hash([_VERSION, [manifest.sha256 for manifest in manifests]])
        self.folder = _packed(store, manifests, cache / content)
        self.episodes = _read_episodes(self.folder)
        self.columns = _map_columns(self.folder)
        self.tasks = tuple(sorted({episode.task for episode in self.episodes}))
        self.robots = tuple(sorted({episode.robot for episode in self.episodes}))
        self.cells = tuple(sorted({(episode.robot, episode.task) for episode in self.episodes}))
        held = held_out_episodes(
            [(e.round, e.index, (e.robot, e.task)) for e in self.episodes],
            fraction=validation_fraction,
            seed=split_seed,
        )
        self._held_out = np.array(held)
        self.fingerprint = _hash([content, split_seed, validation_fraction])

    def __len__(self) -> int:
        """R: rows of both splits."""
        return len(self.columns["step"])

    @property
    def sizes(self) -> tuple[int, int]:
        """S and A: numbers of a state and of an action."""
        return self.columns["state"].shape[1], self.columns["action"].shape[1]

    @cached_property
    def task_of_row(self) -> np.ndarray:
        """(R,) int16, places in ``tasks``."""
        return self._by_row([self.tasks.index(episode.task) for episode in self.episodes])

    @cached_property
    def robot_of_row(self) -> np.ndarray:
        """(R,) int16, places in ``robots``."""
        return self._by_row([self.robots.index(episode.robot) for episode in self.episodes])

    @cached_property
    def cell_of_row(self) -> np.ndarray:
        """(R,) int16, places in ``cells``."""
        return self._by_row([self.cells.index((e.robot, e.task)) for e in self.episodes])

    def rows(self, split: Split) -> np.ndarray:
        """(N,) int64: rows of one side, ascending; a whole episode is on one side (see ``held_out_episodes``)."""
        held_out = self._held_out[self.columns["episode"]]
        return np.flatnonzero(held_out if split == "validation" else ~held_out)

    def windows(self, rows: np.ndarray, length: int) -> ContextWindows:
        """The windows of ``length`` K >= 1 states that end at ``rows`` (N,) int; they never leave the episode."""
        if length < 1:
            raise ValueError(f"length must be at least 1: got {length}")
        rows = np.asarray(rows)
        back = np.arange(1 - length, 1)
        valid = self.columns["step"][rows][:, None] + back >= 0
        places = np.where(valid, rows[:, None] + back, rows[:, None])
        before, happened = places[:, :-1], valid[:, :-1]
        states = self.columns["state"][places]
        actions = self.columns["action"][before]
        rewards = self.columns["reward"][before]
        states[~valid], actions[~happened], rewards[~happened] = 0.0, 0.0, 0.0
        return ContextWindows(states, actions, rewards, valid)

    def statistics(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over the training rows, float32 of one row's shape: (S,), (A,) or ()."""
        rows, values = self.rows("train"), self.columns[column]

        def mean_of(values: Iterator[np.ndarray]) -> np.ndarray:
            return sum(part.sum(axis=0) for part in values) / len(rows)

        def parts() -> Iterator[np.ndarray]:
            return (values[rows[i : i + _CHUNK]].astype(np.float64) for i in range(0, len(rows), _CHUNK))

        mean = mean_of(parts())
        # A second pass instead of mean(x^2) - mean(x)^2, which loses small deviations of large numbers.
        std = np.sqrt(mean_of(np.square(part - mean) for part in parts()))
        return np.asarray(mean, np.float32), np.asarray(std, np.float32)

    def _by_row(self, of_episode: list[int]) -> np.ndarray:
        return np.array(of_episode, np.int16)[self.columns["episode"]]


def _packed(store: EpisodeStore, manifests: Sequence[RoundManifest], folder: Path) -> Path:
    """``folder`` with the packed rounds. One process packs at a time; the lock of a killed one is free again."""
    if folder.is_dir():
        return folder
    make_folder(folder.parent)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            unfinished = folder.with_name(folder.name + TEMPORARY_SUFFIX)
            shutil.rmtree(unfinished, ignore_errors=True)  # of a killed packing
            unfinished.mkdir()
            try:
                pack_trajectories(store, [e for m in manifests for e in m.entries], unfinished)
                os.rename(unfinished, folder)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            sync_folder(folder.parent)
    return folder


def _read_episodes(folder: Path) -> tuple[PackedEpisode, ...]:
    try:
        return tuple(PackedEpisode(**facts) for facts in json.loads((folder / FACTS_FILE).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(folder, error) from error


def _map_columns(folder: Path) -> dict[str, np.ndarray]:
    try:
        mapped = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in COLUMNS
        }
        return {name: column.view(np.ndarray) for name, column in mapped.items()}
    except (OSError, ValueError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> ArrayFileError:
    return ArrayFileError(f"{folder}: damaged ({error}); remove it, it is packed again")


def _hash(facts: list) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
