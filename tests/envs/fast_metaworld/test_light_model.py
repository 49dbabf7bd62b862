from __future__ import annotations

import mujoco
import numpy as np
import pytest

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.fast_metaworld.light_model import light_model
from potstill.envs.robots.apply_dynamics import apply_dynamics
from potstill.envs.robots.build_task import build_task
from potstill.envs.robots.task_spec import task_spec


def _trajectory(model: mujoco.MjModel) -> list[bytes]:
    data, rng = mujoco.MjData(model), np.random.default_rng(0)
    seen = []
    for _ in range(100):
        data.mocap_pos[0] = (0.0, 0.6, 0.1) + rng.uniform(-0.1, 0.1, 3)
        data.ctrl[:] = rng.uniform(-1, 1, 2)
        mujoco.mj_step(model, data, nstep=5)
        seen += [
            data.qpos.tobytes(),
            data.qvel.tobytes(),
            data.efc_force.tobytes(),
            data.contact.dist.tobytes(),
            model.geom_bodyid[data.contact.geom].tobytes(),
        ]
    assert data.ncon > 0
    return seen


@pytest.mark.parametrize(
    ("task", "robot"), [("push-v3", "sawyer"), ("hammer-v3", "sawyer"), ("push-v3", "gen3")]
)
def test_it_moves_as_the_full_model_to_the_last_bit(task: str, robot: str) -> None:
    full = build_task(task, robot).model
    apply_dynamics(full, DynamicsConfig(mass_scale=1.5, damping_scale=0.7))
    light = light_model(full, task_spec(task, robot))

    assert _trajectory(light) == _trajectory(full)


def test_it_is_far_smaller_and_keeps_what_can_be_touched_or_has_a_name() -> None:
    full = build_task("reach-v3", "sawyer").model
    light = light_model(full, task_spec("reach-v3", "sawyer"))
    names = {full.geom(index).name for index in range(full.ngeom)}

    assert light.nbvh < full.nbvh / 1000
    assert (light.ncam, light.nlight, light.ntex) == (0, 0, 0)
    assert (light.geom_contype == 1).sum() == (full.geom_contype == 1).sum()
    assert light.ngeom < full.ngeom / 2
    assert {light.geom(index).name for index in range(light.ngeom)} == names


def test_a_model_of_another_spec_is_refused() -> None:
    with pytest.raises(ValueError, match="compiled from spec"):
        light_model(build_task("reach-v3", "sawyer").model, task_spec("hammer-v3", "sawyer"))
