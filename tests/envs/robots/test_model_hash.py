from __future__ import annotations

import subprocess
import sys
from itertools import product

import mujoco
import pytest

from potstill.envs.robots.model_hash import model_hash
from potstill.envs.robots.robot_names import ROBOT_NAMES
from potstill.envs.robots.task_spec import task_spec


def test_every_robot_has_a_hash_of_its_own_on_every_task(compiled):
    tasks = ("reach-v3", "push-v3", "door-open-v3")  # reach and push differ in hardly anything
    hashes = [model_hash(compiled(task, robot)) for task, robot in product(tasks, ROBOT_NAMES)]
    assert len(set(hashes)) == len(tasks) * len(ROBOT_NAMES)


@pytest.mark.parametrize("robot", ["sawyer", "z1"])
def test_another_process_gets_the_same_hash(robot, compiled):
    code = (
        "from potstill.envs.robots.model_hash import model_hash\n"
        "from potstill.envs.robots.task_spec import task_spec\n"
        f"print(model_hash(task_spec('push-v3', {robot!r}).compile()))"
    )
    other = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == model_hash(compiled("push-v3", robot))


@pytest.fixture
def model():
    return task_spec("push-v3", "panda").compile()


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("body_mass", 9),
        ("dof_damping", 2),
        ("dof_armature", 0),
        ("jnt_range", 3),
        ("geom_friction", -1),
        ("eq_data", 0),
        ("qpos0", 1),
        ("actuator_gainprm", 0),
    ],
)
def test_whatever_decides_physics_changes_the_hash(field, where, model):
    before = model_hash(model)
    getattr(model, field)[where] *= 1.001
    getattr(model, field)[where] += 0.001
    assert model_hash(model) != before


def test_the_time_step_changes_the_hash(model):
    before = model_hash(model)
    model.opt.timestep *= 2
    assert model_hash(model) != before


def test_looks_and_last_bits_do_not_change_the_hash(model):
    before = model_hash(model)
    model.geom_rgba[:] = 0.5
    model.cam_pos[:] += 1.0
    model.geom_size[model.body("arm_link_2").geomadr[0]] *= 2  # touches nothing
    model.body_inertia[:] *= 1 + 1e-15
    model.body_pos[model.body_pos == 0] = -0.0
    assert model_hash(model) == before


def test_a_mesh_that_is_touched_counts(model):
    before = model_hash(model)
    geom = model.body("flange").geomadr[0]
    assert model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_MESH
    model.mesh_vert[model.mesh_vertadr[model.geom_dataid[geom]]] += 0.01
    assert model_hash(model) != before
