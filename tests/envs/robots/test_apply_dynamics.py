from __future__ import annotations

import mujoco
import numpy as np
import pytest

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.robots.apply_dynamics import apply_dynamics
from potstill.envs.robots.model_hash import model_hash
from potstill.envs.robots.task_spec import task_spec
from potstill.envs.task_simulation import TaskSimulation

LINKS = {
    "panda": [f"arm_link_{index}" for index in range(7)],
    "ur5e": [f"arm_link_{index}" for index in range(6)],
    "sawyer": ["right_l0", "right_l1", "right_l2", "right_l3", "right_l4", "right_l5", "right_l6"],
}


@pytest.fixture(params=LINKS)
def pair(request):
    """A robot's name and two models of its own to compare."""
    return request.param, *(task_spec("push-v3", request.param).compile() for _ in range(2))


def _changed(before, after):
    return {before.body(int(body)).name for body in np.flatnonzero(before.body_mass != after.body_mass)}


def test_mass_scale_2_doubles_the_mass_and_inertia_of_the_arm_exactly_and_of_nothing_else(pair):
    robot, stock, model = pair
    apply_dynamics(model, DynamicsConfig(mass_scale=2.0))
    changed = _changed(stock, model)
    assert set(LINKS[robot]) <= changed
    assert not changed & {"hand", "rightclaw", "leftclaw", "obj", "spare_0", "tablelink", "pedestal", "mocap"}
    for body in range(model.nbody):
        factor = 2.0 if stock.body(body).name in changed else 1.0
        assert model.body_mass[body] == factor * stock.body_mass[body]
        assert (model.body_inertia[body] == factor * stock.body_inertia[body]).all()


@pytest.mark.parametrize("name", ["damping", "armature"])
def test_joint_scales_reach_the_joints_of_the_arm_alone(name, pair):
    robot, stock, model = pair
    apply_dynamics(model, DynamicsConfig(**{f"{name}_scale": 4.0}))
    ratio = getattr(model, f"dof_{name}") / np.maximum(getattr(stock, f"dof_{name}"), 1e-12)
    scaled = {stock.joint(int(stock.dof_jntid[dof])).name for dof in np.flatnonzero(ratio == 4.0)}
    prefix = "right_j" if robot == "sawyer" else "arm_joint_"
    assert scaled == {f"{prefix}{index}" for index in range(len(LINKS[robot]))}
    assert not _changed(stock, model)


def test_scales_of_1_keep_every_bit(pair):
    _, stock, model = pair
    apply_dynamics(model, DynamicsConfig(observation_noise=0.1, action_delay=3))
    buffers = [np.empty(mujoco.mj_sizeModel(one), np.uint8) for one in (stock, model)]
    for one, buffer in zip((stock, model), buffers):
        mujoco.mj_saveModel(one, None, buffer)
    assert np.array_equal(*buffers)


def test_what_mujoco_derives_from_the_masses_follows_and_the_weld_stays(pair):
    robot, stock, model = pair
    apply_dynamics(model, DynamicsConfig(mass_scale=3.0))
    first = stock.body(LINKS[robot][0]).id
    assert model.body_subtreemass[first] > 2.5 * stock.body_subtreemass[first]
    assert not np.array_equal(model.dof_invweight0, stock.dof_invweight0)
    assert np.array_equal(model.eq_data, stock.eq_data)
    assert np.array_equal(model.qpos0, stock.qpos0)


def test_a_heavier_arm_moves_otherwise_and_has_another_hash():
    nominal = TaskSimulation("reach-v3", robot="panda")
    heavy = TaskSimulation(
        "reach-v3", robot="panda", dynamics=DynamicsConfig(mass_scale=5.0, armature_scale=5.0)
    )
    assert nominal.model_hash != heavy.model_hash
    paths = []
    for simulation in (nominal, heavy):
        simulation.reset(0)
        paths.append([simulation.step(np.array([1.0, 0.5, -0.2, 0.0]))[0][:3] for _ in range(20)])
    gap = np.linalg.norm(np.subtract(*paths), axis=1)
    assert 1e-4 < gap.max() < 0.1  # m: it lags, and it still follows


def test_every_variant_has_a_hash_of_its_own(pair):
    _, stock, _ = pair
    seen = {model_hash(stock)}
    for change in ({"mass_scale": 2.0}, {"damping_scale": 2.0}, {"armature_scale": 2.0}):
        model = mujoco.MjModel.__copy__(stock)
        apply_dynamics(model, DynamicsConfig(**change))
        seen.add(model_hash(model))
    assert len(seen) == 4
