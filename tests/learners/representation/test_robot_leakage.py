"""A robot that shows within a task is seen, also where it shows in each task in another way."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.learners.representation.linear_probe import LinearProbe
from potstill.learners.representation.robot_leakage import robot_leakage

_NAMES = ("door", "push", "reach")


def _codes(signs):
    rng = np.random.default_rng(0)
    task, robot = np.repeat([0, 1], 200), np.tile([0, 1], 200)
    codes = np.eye(3)[task] + 0.02 * rng.normal(size=(400, 3))
    codes[:, 2] += np.array(signs)[task] * (robot - 0.5)
    return codes.astype(np.float32), task, robot, np.arange(400) % 4 < 2


def test_only_the_task_that_leaks_is_blamed_and_absent_ones_are_left_out():
    leakage = robot_leakage(*_codes([0.0, 1.0]), tasks=_NAMES)
    assert set(leakage) == {"door", "push"}
    assert leakage["door"]["probe"] == pytest.approx(0.5, abs=0.15)
    assert leakage["push"] == {"probe": 1.0, "chance": 0.5}


def test_opposite_signs_cannot_hide_it():
    codes, task, robot, told = _codes([1.0, -1.0])
    shared = (LinearProbe(codes[told], robot[told]).predict(codes[~told]) == robot[~told]).mean()
    assert shared < 0.6
    leakage = robot_leakage(codes, task, robot, told, tasks=_NAMES)
    assert {facts["probe"] for facts in leakage.values()} == {1.0}


def test_a_single_robot_is_its_own_chance():
    codes, task, robot, told = _codes([0.0, 0.0])
    assert robot_leakage(codes, task, 0 * robot, told, tasks=_NAMES)["push"] == {"probe": 1.0, "chance": 1.0}
