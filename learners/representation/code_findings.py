"""What a trained representation's codes are like: figures, a map, clusters, and what would be new to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.representation.cluster_agreement import homogeneity
from potstill.learners.representation.code_map import code_map
from potstill.learners.representation.novelty import Novelty
from potstill.learners.representation.objective import Objective
from potstill.learners.representation.representation_data import RepresentationData
from potstill.learners.representation.robot_leakage import robot_leakage
from potstill.learners.representation.task_code_quality import task_code_quality

#: Codes a probe learns from, codes of the mixture (a part of them), and codes that both are asked about, at most.
_TOLD_ROWS, _MIXED_ROWS, _ASKED_ROWS = 5000, 3000, 20_000
#: Points of the map, the same number of every task.
_MAP_POINTS = 400
#: Windows that are encoded together.
_CHUNK = 1024


def code_findings(
    table: TrajectoryTable, data: RepresentationData, objective: Objective, folder: Path, *, sha256: str
) -> dict[str, Any]:
    """Encode windows of both splits and look at them; deterministic. Nothing without held-out episodes.

    Args:
        table: The rows.
        data: Their windows.
        objective: Trained.
        folder: Of the checkpoint; the mixture is written beside it (``Novelty.load``).
        sha256: Of the checkpoint.

    Returns:
        What ``task_code_quality`` gives; ``robot_leakage``, of every task; ``code_map``: at most 400 held-out windows
        as {"x", "y", "task", "robot", "step"}, and ``code_map_share``, the share of the variance of these codes that
        it shows; ``clusters``: how many the mixture found, and ``cluster_homogeneity``: whether each keeps to one task.

    Raises:
        StoreFullError: no space for the mixture.
    """
    told, asked = data.some_rows("train", _TOLD_ROWS), data.some_rows("validation", _ASKED_ROWS)
    if not len(asked):
        return {}
    rows, is_told = np.concatenate([told, asked]), np.arange(len(told) + len(asked)) < len(told)
    parts = np.array_split(rows, -(-len(rows) // _CHUNK))
    codes = np.concatenate([objective.codes(data.batch(part)).cpu().numpy() for part in parts])
    task, robot = table.task_of_row[rows], table.robot_of_row[rows]
    mixed = np.linspace(0, len(told) - 1, min(_MIXED_ROWS, len(told))).astype(np.int64)
    novelty = Novelty.calibrated(codes[mixed], codes[~is_told], seed=0, representation=sha256)
    novelty.save(folder)
    return {
        **task_code_quality(codes, task, robot, table.columns["step"][rows], is_told),
        "robot_leakage": robot_leakage(codes, task, robot, is_told, tasks=table.tasks),
        "clusters": novelty.mixture.clusters,
        "cluster_homogeneity": homogeneity(novelty.mixture.cluster_of(codes[~is_told]), task[~is_told]),
        **_map(table, asked, codes[~is_told]),
    }


def _map(table: TrajectoryTable, rows: np.ndarray, codes_NZ: np.ndarray) -> dict[str, Any]:
    task_N = table.task_of_row[rows]
    present, rng = np.unique(task_N), np.random.default_rng(0)
    # Drawn, because a fixed stride would meet episodes of equal length always at the same steps.
    drawn = [
        rng.permutation(np.flatnonzero(task_N == task))[: _MAP_POINTS // len(present)] for task in present
    ]
    chosen = np.sort(np.concatenate(drawn))
    place_M2, share = code_map(codes_NZ[chosen])
    points = [
        {
            "x": round(float(x), 4),
            "y": round(float(y), 4),
            "task": table.tasks[table.task_of_row[row]],
            "robot": table.robots[table.robot_of_row[row]],
            "step": int(table.columns["step"][row]),
        }
        for (x, y), row in zip(place_M2, rows[chosen], strict=True)
    ]
    return {"code_map": points, "code_map_share": share}
