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
    """One list per column; ``episode`` stacks them once at the end."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in _DTYPES}

    def record(self, **row: Any) -> None:
        """Append one step; every column must be given.

        Raises:
            ValueError: a column is missing or unknown.
        """
        if row.keys() != self._columns.keys():
            raise ValueError(
                f"a step must give exactly the record's columns: {sorted(row.keys() ^ _DTYPES.keys())}"
            )
        for name, value in row.items():
            self._columns[name].append(value)

    def episode(self, meta: EpisodeMeta) -> Episode:
        """The finished, checked record."""
        arrays = {name: _column(values, _DTYPES[name]) for name, values in self._columns.items()}
        return Episode(meta=meta, **arrays)


def _column(values: list[Any], dtype: type) -> np.ndarray:
    first = values[0]
    if not isinstance(first, np.ndarray):
        return np.asarray(values, dtype=dtype)
    if any(value.shape != first.shape for value in values):
        raise ValueError(f"rows differ in shape: {sorted({value.shape for value in values})}")
    # One call on the flat whole: np.stack first makes a view of every row, which costs more than the copying.
    flat: np.ndarray = np.concatenate(values).astype(dtype, copy=False)
    return flat.reshape(len(values), *first.shape)
