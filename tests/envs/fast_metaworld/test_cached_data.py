from __future__ import annotations

import mujoco
import numpy as np
import pytest
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from potstill.envs.fast_metaworld.cached_data import CachedData


@pytest.fixture
def data() -> CachedData:
    model = ALL_V3_ENVIRONMENTS["drawer-open-v3"]().model
    data = CachedData(model)
    mujoco.mj_forward(model, data)
    return data


def test_arrays_by_name_are_mujocos_own_memory(data: CachedData) -> None:
    stock = mujoco.MjData.body(data, "hand")
    cached = data.body("hand").xpos
    data.xpos[stock.id] = (1.0, 2.0, 3.0)

    assert cached.tolist() == stock.xpos.tolist() == [1.0, 2.0, 3.0]
    assert data.body("hand") is data.body("hand")
    assert data.body("hand").id == stock.id


def test_writing_by_name_writes_into_the_simulation(data: CachedData) -> None:
    data.site("goal").xpos = np.array([0.1, 0.2, 0.3])
    data.joint("goal_slidey").qpos = -0.05

    assert mujoco.MjData.site(data, "goal").xpos.tolist() == [0.1, 0.2, 0.3]
    assert data.joint("goal_slidey").qpos.tolist() == [-0.05]
    assert -0.05 in data.qpos


def test_an_unknown_name_is_refused_as_by_mujoco(data: CachedData) -> None:
    with pytest.raises(KeyError, match="nothing"):
        data.geom("nothing")
