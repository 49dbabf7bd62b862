"""How much of the robot is left in the codes of each task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from potstill.learners.representation.linear_probe import LinearProbe


def robot_leakage(
    codes_NZ: np.ndarray, task_N: np.ndarray, robot_N: np.ndarray, told_N: np.ndarray, *, tasks: Sequence[str]
) -> dict[str, dict[str, float]]:
    """By task how often a linear probe of its own tells the robot, beside what chance would.

    A probe over all tasks may miss a robot that shows in each task in another direction.

    Args:
        codes_NZ: (N, Z) float32.
        task_N: (N,) integers, places in ``tasks``.
        robot_N: (N,) integers.
        told_N: (N,) bool: codes to learn from; asked is about the others.
        tasks: Names; one of which codes of either kind are missing is left out.

    Returns:
        {task: {"probe", "chance"}}, both 0..1; chance is the share of the most frequent robot.
    """
    leakage = {}
    for number, task in enumerate(tasks):
        told, asked = (task_N == number) & told_N, (task_N == number) & ~told_N
        if told.any() and asked.any():
            guess = LinearProbe(codes_NZ[told], robot_N[told]).predict(codes_NZ[asked])
            robot = robot_N[asked]
            chance = np.unique(robot, return_counts=True)[1].max() / len(robot)
            leakage[task] = {"probe": float((guess == robot).mean()), "chance": float(chance)}
    return leakage
