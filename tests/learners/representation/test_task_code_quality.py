"""Codes with a known content get the figures they deserve."""

from __future__ import annotations

import numpy as np
import pytest

from potstill.learners.representation.task_code_quality import task_code_quality

_TASKS, _ROBOTS, _EPISODES, _STEPS = 4, 3, 120, 60


def _codes(*, known_from: int = 0, robot_shift: float = 0.0):
    """Each task a corner; before ``known_from`` nothing is to be seen. Half the episodes are to learn from."""
    rng = np.random.default_rng(0)
    episode = np.repeat(np.arange(_EPISODES), _STEPS)
    step = np.tile(np.arange(_STEPS), _EPISODES)
    task, robot = episode % _TASKS, episode // _TASKS % _ROBOTS
    codes = np.where((step >= known_from)[:, None], np.eye(6)[task], 0.0)
    codes = (
        codes + robot_shift * np.eye(6)[5 - robot % 2] * robot[:, None] + 0.03 * rng.normal(size=codes.shape)
    )
    return codes.astype(np.float32), task, robot, step, episode < _EPISODES // 2


def test_a_perfect_code_is_known_from_the_first_step():
    quality = task_code_quality(*_codes())
    assert quality["task_probe"] == 1.0
    assert quality["task_known_from_step"] == 0
    assert quality["kmeans_accuracy"] == 1.0
    assert quality["homogeneity"] == pytest.approx(1.0)
    assert quality["silhouette"] > 0.8
    assert quality["task_chance"] == pytest.approx(1 / _TASKS)
    assert quality["probe_rows"] == _EPISODES * _STEPS / 2


def test_a_code_that_needs_ten_steps_says_so():
    quality = task_code_quality(*_codes(known_from=10))
    by_step = quality["task_probe_by_step"]
    assert list(by_step) == ["0", "1", "5", "10", "20", "50"]
    assert max(by_step[step] for step in ("0", "1", "5")) < 0.5
    assert min(by_step[step] for step in ("10", "20", "50")) == 1.0
    assert quality["task_known_from_step"] == 10


def test_a_code_without_the_task_is_at_chance_and_never_known():
    codes, task, robot, step, told = _codes(known_from=_STEPS)
    quality = task_code_quality(codes, task, robot, step, told)
    assert quality["task_probe"] == pytest.approx(quality["task_chance"], abs=0.05)
    assert quality["task_known_from_step"] is None
    assert quality["silhouette"] < 0.05


def test_a_robot_that_leaks_into_the_code_is_seen():
    pure, leaking = task_code_quality(*_codes()), task_code_quality(*_codes(robot_shift=0.5))
    assert pure["robot_probe"] == pytest.approx(pure["robot_chance"], abs=0.08)
    assert leaking["robot_probe"] == 1.0


def test_codes_that_collapsed_to_a_point_are_measured_all_the_same():
    codes, task, robot, step, told = _codes()
    quality = task_code_quality(np.zeros_like(codes), task, robot, step, told)
    assert quality["task_probe"] == pytest.approx(1 / _TASKS)
    assert quality["kmeans_accuracy"] == pytest.approx(1 / _TASKS, abs=0.01)
    assert quality["homogeneity"] == pytest.approx(0.0, abs=1e-9)
    assert quality["silhouette"] == 0.0


def test_one_task_and_one_robot_are_no_error():
    codes, task, robot, step, told = _codes()
    quality = task_code_quality(codes, np.zeros_like(task), np.zeros_like(robot), step, told)
    assert quality["task_probe"] == quality["task_chance"] == quality["kmeans_accuracy"] == 1.0
    assert quality["silhouette"] is None


@pytest.mark.parametrize("told", [True, False])
def test_a_probe_needs_codes_on_both_sides(told):
    codes, task, robot, step, _ = _codes()
    with pytest.raises(ValueError, match="told_N must be neither all nor nothing"):
        task_code_quality(codes, task, robot, step, np.full(len(codes), told))
