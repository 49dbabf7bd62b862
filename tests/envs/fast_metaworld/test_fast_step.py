from __future__ import annotations

import numpy as np
import pytest

from potstill.envs.task_simulation import TaskSimulation

MOVES = [(0.3, -0.7, 0.123456789), (1.0, -1.0, 0.0), (1.5, -7.0, -0.0), (np.nan, 0.5, 2.0), (0.1, 0.2, 1e-9)]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_hands_target_moves_as_in_metaworld_for_any_action(kind, stock_simulation) -> None:
    stock, fast = stock_simulation("reach-v3"), TaskSimulation("reach-v3")
    for simulation in (stock, fast):
        simulation.reset(0)
    for move in MOVES:
        for simulation in (stock, fast):
            simulation.data.mocap_pos[0] = (0.05, 0.6, 0.15)
            simulation._env.set_xyz_action(np.array(move, kind))
        assert fast.data.mocap_pos.tobytes() == stock.data.mocap_pos.tobytes(), move
        assert fast.data.mocap_quat.tobytes() == stock.data.mocap_quat.tobytes()
