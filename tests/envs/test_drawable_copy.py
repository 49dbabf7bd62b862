from __future__ import annotations

import numpy as np

from potstill.envs.drawable_copy import drawable_copy
from potstill.envs.robots.build_task import build_task
from potstill.envs.task_simulation import TaskSimulation


def test_the_copy_stands_where_the_simulation_does_and_has_all_that_is_drawn() -> None:
    simulation = TaskSimulation("push-v3", robot="panda")
    simulation.reset(3)
    for action in np.random.default_rng(0).uniform(-1, 1, (20, 4)).astype(np.float32):
        simulation.step(action)
    model, data = drawable_copy(simulation)
    whole = build_task("push-v3", "panda").model

    assert (model.ngeom, model.ncam, model.ntex) == (whole.ngeom, whole.ncam, whole.ntex)
    for name in ("xpos", "xquat", "site_xpos"):
        assert np.array_equal(getattr(data, name), getattr(simulation.data, name)), name
    before = data.xpos.copy()
    simulation.step(np.ones(4, np.float32))
    assert np.array_equal(data.xpos, before)
    assert not np.array_equal(simulation.data.xpos, before)
