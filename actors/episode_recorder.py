"""Collects the rows of an episode while it is acted."""

from __future__ import annotations

from typing import Any

import numpy as np

from potstill.experience.episode import Episode, EpisodeMeta

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
}


class EpisodeRecorder:
    """One array per column, as long as the episode may become; rows are copied into them while they are at hand.

    Args:
        steps: Most rows. Memory is taken only for rows that come.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._columns: dict[str, np.ndarray] = {}
        self._length = 0

    def record(self, **row: Any) -> None:
        """Append one step; every column must be given.

        Raises:
            ValueError: a column is missing or unknown, or shaped unlike in the first row.
            IndexError: more rows than there is room for.
        """
        if row.keys() != _DTYPES.keys():
            raise ValueError(
                f"a step must give exactly the record's columns: {sorted(row.keys() ^ _DTYPES.keys())}"
            )
        if not self._columns:
            self._columns = {
                name: np.empty((self._steps, *np.shape(value)), _DTYPES[name]) for name, value in row.items()
            }
        for name, value in row.items():
            column = self._columns[name]
            # Assignment alone would repeat a row that is too small.
            if column.ndim > 1 and value.shape != column.shape[1:]:
                raise ValueError(f"{name} differs in shape from the rows before: {value.shape}")
            column[self._length] = value
        self._length += 1

    def episode(self, meta: EpisodeMeta) -> Episode:
        """The finished, checked record; the last thing to ask for."""
        return Episode(meta=meta, **{name: column[: self._length] for name, column in self._columns.items()})
