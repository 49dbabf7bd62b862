"""Collects the rows of an episode while it is acted."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np

from potstill.experience.episode import OPTIONAL_COLUMNS, Episode, EpisodeMeta

#: dtype of every recorded column; the record itself checks the shapes.
_DTYPES: dict[str, type] = {
    "proprio": np.float32,
    "privileged": np.float64,
    "action": np.float32,
    "expert_action": np.float32,
    "expert_acted": np.bool_,
    "reward": np.float32,
    "terminated": np.bool_,
    "truncated": np.bool_,
    "success": np.bool_,
    "frames": np.uint8,
    "keyframe": np.bool_,
    "prompt_id": np.int32,
    "render_seed": np.int64,
    "camera_pose": np.float32,
    "body_pos": np.float64,
    "body_quat": np.float64,
    "site_pos": np.float64,
    "step_seconds": np.float32,
    "expert_log_std": np.float32,
}


class EpisodeRecorder:
    """Arrays are copied, while they are at hand, into columns as long as the episode may become; numbers are listed.

    Args:
        steps: Most rows. Memory is taken only for rows that come.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._length = 0
        self._arrays: dict[str, np.ndarray] = {}
        self._numbers: dict[str, list[Any]] = {}
        self._shapes: list[tuple[int, ...]] = []
        self._columns: Set[str] = frozenset()

    def record(self, **row: Any) -> None:
        """Append one step; every column must be given, the optional ones in every step or in none.

        Raises:
            ValueError: a column is missing or unknown, or shaped unlike in the first row.
            IndexError: more rows than there is room for.
        """
        if not self._length:
            # Of the optional columns the episode has those of its first step.
            self._columns = _DTYPES.keys() - (OPTIONAL_COLUMNS - row.keys())
        if row.keys() != self._columns:
            raise ValueError(
                f"a step must give exactly the record's columns: {sorted(row.keys() ^ self._columns)}"
            )
        if not self._length:
            self._begin(row)
        # Assignment alone would repeat a row that is too small.
        if [row[name].shape for name in self._arrays] != self._shapes:
            differ = [name for name, shape in zip(self._arrays, self._shapes) if row[name].shape != shape]
            raise ValueError(f"{', '.join(differ)}: shaped unlike in the first row")
        for name, column in self._arrays.items():
            column[self._length] = row[name]
        for name, values in self._numbers.items():
            values.append(row[name])
        self._length += 1

    def episode(self, meta: EpisodeMeta) -> Episode:
        """The finished, checked record; the last thing to ask for."""
        numbers: dict[str, Any] = {
            name: np.array(values, _DTYPES[name]) for name, values in self._numbers.items()
        }
        arrays = {name: column[: self._length] for name, column in self._arrays.items()}
        return Episode(meta=meta, **numbers, **arrays)

    def _begin(self, row: dict[str, Any]) -> None:
        given = {name: value for name, value in row.items() if isinstance(value, np.ndarray)}
        self._shapes = [value.shape for value in given.values()]
        self._arrays = {
            name: np.empty((self._steps, *value.shape), _DTYPES[name]) for name, value in given.items()
        }
        self._numbers = {name: [] for name in row if name not in given}
