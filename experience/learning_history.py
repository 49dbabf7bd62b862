"""Keeps a few whole episodes of every stretch of an expert's training, each snapshot one file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from potstill.experience.history_config import HistoryConfig
from potstill.experience.history_shard import HistoryFacts, HistoryShard
from potstill.experience.rollout_fragment import RolloutFragment

_NAME = re.compile(r"step_(\d{10})\.safetensors")


class LearningHistory:
    """Cuts episodes out of the sampler's fragments; at each snapshot writes the newest ones that are complete.

    ``folder/step_XXXXXXXXXX.safetensors`` holds the episodes kept when so many environment steps were done. A
    file is there and whole or not there, so a killed training loses no snapshot.
    """

    def __init__(self, folder: Path, config: HistoryConfig, facts: HistoryFacts) -> None:
        self._folder = folder
        self._config = config
        self._facts = facts
        self._seen = 0
        self._owed = 0
        self._open: dict[int, list[Mapping[str, np.ndarray]]] = {}
        self._complete: list[dict[str, np.ndarray]] = []

    def observe(self, fragment: RolloutFragment, env_steps: int) -> None:
        """Look through a fragment, in the order of sampling.

        Args:
            fragment: Rewards not scaled. An episode may go on in later fragments and in another place of them.
            env_steps: Environment steps of the training, this fragment's included.

        Raises:
            StoreFullError: no space for a snapshot.
        """
        for piece, ended in _pieces(fragment):
            seed = int(piece["episode_seed"][0])
            parts = self._open.setdefault(seed, [])
            parts.append(piece)
            if ended:
                self._complete.append(_joined(self._open.pop(seed)))
        due = self._config.snapshots(env_steps) - self._config.snapshots(self._seen)
        self._seen = env_steps
        self._owed += due * self._config.episodes
        if self._owed and self._complete:
            self._keep(self._complete[-self._owed :], env_steps)
        elif not self._owed:
            self._complete = self._complete[-self._config.episodes :]

    def rewind(self, env_steps: int) -> None:
        """Go on from a checkpoint taken at ``env_steps``: later snapshots are removed and will be taken again."""
        for path, step in self._files():
            if step > env_steps:
                path.unlink()
        self._seen, self._owed = env_steps, 0
        self._open.clear()
        self._complete.clear()

    def snapshots(self) -> list[Path]:
        """The files so far, in the order of training."""
        return [path for path, _ in self._files()]

    def _keep(self, episodes: list[dict[str, np.ndarray]], env_steps: int) -> None:
        columns = _joined(episodes)
        columns["env_steps"] = np.full(len(columns["reward"]), env_steps, np.int64)
        HistoryShard(facts=self._facts, **columns).write(self._folder / f"step_{env_steps:010d}.safetensors")
        self._owed -= len(episodes)
        self._complete.clear()

    def _files(self) -> list[tuple[Path, int]]:
        found = [(path, _NAME.fullmatch(path.name)) for path in sorted(self._folder.glob("step_*"))]
        return [(path, int(match.group(1))) for path, match in found if match]


def _pieces(fragment: RolloutFragment) -> list[tuple[dict[str, np.ndarray], bool]]:
    """Each episode's stretch of the fragment, and whether it ends there; in the order in which they end."""
    done = fragment.truncated | fragment.terminated
    times, envs = done.shape
    found: list[tuple[int, int, slice, bool]] = []
    for env in range(envs):
        start = 0
        for end in np.flatnonzero(done[:, env]).tolist():
            found.append((end, env, slice(start, end + 1), True))
            start = end + 1
        if start < times:
            found.append((times, env, slice(start, times), False))
    found.sort(key=lambda piece: piece[:2])
    names = [field.name for field in fields(fragment)]
    return [
        ({name: getattr(fragment, name)[rows, env].copy() for name in names}, ended)
        for _, env, rows, ended in found
    ]


def _joined(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
