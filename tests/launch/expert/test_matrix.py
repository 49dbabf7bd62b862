from __future__ import annotations

import pytest

from potstill.envs.task_simulation import TaskSimulation
from potstill.launch.expert.matrix import oracle_matrix


def test_every_pair_is_judged_and_named_by_its_model():
    cells = list(oracle_matrix(["panda", "z1"], ["reach-v3", "drawer-close-v3"], episodes=2, workers=1))
    assert [(cell.robot, cell.task) for cell in cells] == [
        ("panda", "reach-v3"),
        ("panda", "drawer-close-v3"),
        ("z1", "reach-v3"),
        ("z1", "drawer-close-v3"),
    ]
    assert all((cell.success.successes, cell.success.episodes) == (2, 2) for cell in cells)
    assert cells[0].model_hash == TaskSimulation("reach-v3", robot="panda").model_hash


def test_an_unknown_robot_is_refused():
    with pytest.raises(ValueError, match="did you mean panda"):
        list(oracle_matrix(["pando"], ["reach-v3"], episodes=1, workers=1))
