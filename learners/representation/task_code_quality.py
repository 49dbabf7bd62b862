"""Is the task in the code, since when, and is the robot in it, too?"""

from __future__ import annotations

from typing import Any

import numpy as np

from potstill.learners.representation.cluster_agreement import homogeneity, matched_accuracy, silhouette
from potstill.learners.representation.k_means import k_means
from potstill.learners.representation.linear_probe import LinearProbe

#: A bin begins at each of these steps of the episode and ends before the next.
STEP_BINS = (0, 1, 5, 10, 20, 50, 100)
#: The task counts as known where the probe is right this often.
KNOWN = 0.95
#: Distances between all pairs are looked at for this many codes at most.
_PAIRED_ROWS = 2000


def task_code_quality(
    codes_NZ: np.ndarray, task_N: np.ndarray, robot_N: np.ndarray, step_N: np.ndarray, told_N: np.ndarray
) -> dict[str, Any]:
    """Figures of N codes; deterministic.

    Args:
        codes_NZ: (N, Z) float32.
        task_N: (N,) integers.
        robot_N: (N,) integers.
        step_N: (N,) integers: how many decisions into its episode each code is.
        told_N: (N,) bool: codes a probe learns from. All figures are of the others, from other episodes.

    Returns:
        ``task_probe`` and ``robot_probe``: accuracy of a linear probe, beside ``task_chance`` and
        ``robot_chance``, the share of the most frequent one. A robot probe far above chance is leakage.
        ``task_probe_by_step``: by the first step of a bin, where there are codes; ``task_known_from_step``: the
        first bin since which it is right 95 times of 100, or None. ``kmeans_accuracy``, ``homogeneity``,
        ``silhouette`` (None with a single task): of as many clusters as tasks. ``probe_rows``: codes
        the figures are of.

    Raises:
        ValueError: no code to learn from, or none to be asked about.
    """
    asked_N = ~told_N
    if not told_N.any() or not asked_N.any():
        raise ValueError(f"told_N must be neither all nor nothing: got {int(told_N.sum())} of {len(told_N)}")
    codes, task, robot = codes_NZ[asked_N], task_N[asked_N], robot_N[asked_N]
    right = LinearProbe(codes_NZ[told_N], task_N[told_N]).predict(codes) == task
    by_step = _by_step(right, step_N[asked_N])
    robot_right = LinearProbe(codes_NZ[told_N], robot_N[told_N]).predict(codes) == robot
    near = np.linspace(0, len(codes) - 1, min(_PAIRED_ROWS, len(codes))).astype(np.int64)
    clusters = k_means(codes[near], len(np.unique(task)), seed=0)
    return {
        "task_probe": float(right.mean()),
        "task_chance": _largest_share(task),
        "task_probe_by_step": {str(step): accuracy for step, accuracy in by_step.items()},
        "task_known_from_step": _known_from(by_step),
        "robot_probe": float(robot_right.mean()),
        "robot_chance": _largest_share(robot),
        "kmeans_accuracy": matched_accuracy(clusters, task[near]),
        "homogeneity": homogeneity(clusters, task[near]),
        "silhouette": silhouette(codes[near], task[near]),
        "probe_rows": len(codes),
    }


def _by_step(right_N: np.ndarray, step_N: np.ndarray) -> dict[int, float]:
    bin_N = np.searchsorted(STEP_BINS, step_N, side="right") - 1
    return {STEP_BINS[index]: float(right_N[bin_N == index].mean()) for index in np.unique(bin_N)}


def _known_from(by_step: dict[int, float]) -> int | None:
    known = None
    for step in sorted(by_step, reverse=True):
        if by_step[step] < KNOWN:
            break
        known = step
    return known


def _largest_share(label_N: np.ndarray) -> float:
    return float(np.unique(label_N, return_counts=True)[1].max() / len(label_N))
