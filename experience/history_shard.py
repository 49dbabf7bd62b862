"""Whole episodes of an expert's learning as columns: one sealed file each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from potstill.experience.array_file import read_array_file, write_array_file
from potstill.experience.errors import ArrayFileError

#: What the seal of a shard says it is; see ``array_file.py``.
HISTORY_KIND = "potstill.history.1"
#: The columns that a teacher adds.
LABELS = ("mu", "log_std", "value_target", "legacy_value_target")


@dataclass(frozen=True, kw_only=True)
class HistoryFacts:
    """What is true of every row."""

    task: str
    robot: str
    model_hash: str
    seed: int
    """Of the training."""
    action_repeat: int = 1
    """Environment steps per row."""
    expert: str = ""
    """Who labelled: the expert's sha256, or ``oracle-fallback``; empty = not labelled yet."""
    discount: float = 0.0
    """Behind the value targets, per row; 0 where there are none."""
    reward_scale: float = 0.0
    """Unit of the value targets: ``reward`` times this; 0 where there are no value targets (they are zeros)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HistoryShard:
    """R rows of whole episodes, one after the other, each in the order of time.

    Raises:
        ValueError: a column with the wrong shape or dtype, or only some of the labels; names it.
    """

    facts: HistoryFacts
    observation: np.ndarray
    """(R, S) float32, before the action."""
    action: np.ndarray
    """(R, A) float32 in [-1, 1]: executed."""
    reward: np.ndarray
    """(R,) float32, summed over the action's environment steps, not scaled."""
    next_observation: np.ndarray
    """(R, S) float32, after the action."""
    terminated: np.ndarray
    """(R,) bool."""
    truncated: np.ndarray
    """(R,) bool."""
    success: np.ndarray
    """(R,) bool."""
    episode_seed: np.ndarray
    """(R,) int64: names the episode."""
    env_steps: np.ndarray
    """(R,) int64: how far training was when the episode was kept."""
    mu: np.ndarray | None = field(default=None)
    """(R, A) float32: the expert's deterministic action (squashed mean) at ``observation``."""
    log_std: np.ndarray | None = field(default=None)
    """(R, A) float32: of the Gaussian before the squashing."""
    value_target: np.ndarray | None = field(default=None)
    """(R,) float32: r + gamma (1 - terminated) V(s')."""
    legacy_value_target: np.ndarray | None = field(default=None)
    """(R,) float32: V(s')."""

    def __post_init__(self) -> None:
        columns = self.columns()
        for name, array in columns.items():
            trailing, dtype = _LAYOUT[name]
            if array.dtype != dtype or array.ndim != 1 + trailing or len(array) != len(self.reward):
                raise ValueError(
                    f"{name} must be {np.dtype(dtype)} with {1 + trailing} dimensions and {len(self.reward)} "
                    f"rows: got {array.dtype} {array.shape}"
                )
        missing = [name for name in LABELS if name not in columns]
        if len(missing) not in (0, len(LABELS)) or bool(missing) == bool(self.facts.expert):
            raise ValueError(
                f"labels and their expert belong together: missing {', '.join(missing) or 'expert'}"
            )

    def __len__(self) -> int:
        return len(self.reward)

    def columns(self) -> dict[str, np.ndarray]:
        """All columns by name; labels only when there are any."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "facts"}
        return {name: array for name, array in found.items() if array is not None}

    def episodes(self) -> list[int]:
        """The seeds of the episodes, in order."""
        return list(dict.fromkeys(self.episode_seed.tolist()))

    def select(self, rows: np.ndarray) -> HistoryShard:
        """The shard of some rows, (R,) bool."""
        return replace(self, **{name: array[rows] for name, array in self.columns().items()})

    def write(self, path: Path) -> str:
        """Write the file atomically; returns its sha256. Raises StoreFullError."""
        return write_array_file(path, self.columns(), asdict(self.facts), kind=HISTORY_KIND)

    @classmethod
    def read(cls, path: Path) -> HistoryShard:
        """The whole shard, its seal checked; raises ArrayFileError."""
        columns, facts, _ = read_array_file(path, kind=HISTORY_KIND)
        try:
            return cls(facts=HistoryFacts(**facts), **columns)
        except (TypeError, ValueError) as error:
            raise ArrayFileError(f"{path}: is not a history of this version: {error}") from error


#: Trailing dimensions and dtype of every column.
_LAYOUT: dict[str, tuple[int, type]] = {
    "observation": (1, np.float32),
    "action": (1, np.float32),
    "reward": (0, np.float32),
    "next_observation": (1, np.float32),
    "terminated": (0, np.bool_),
    "truncated": (0, np.bool_),
    "success": (0, np.bool_),
    "episode_seed": (0, np.int64),
    "env_steps": (0, np.int64),
    "mu": (1, np.float32),
    "log_std": (1, np.float32),
    "value_target": (0, np.float32),
    "legacy_value_target": (0, np.float32),
}
