from __future__ import annotations

import mujoco
import numpy as np
import pytest

from potstill.envs.robots.arm_tables import ARM_TABLES
from potstill.envs.robots.task_spec import task_spec

SIX_JOINTS = [name for name, table in ARM_TABLES.items() if len(table.joints) == 6]
HAND = ("hand", "rightclaw", "rightpad", "leftclaw", "leftpad")


def _joint_names(model):
    return [model.joint(index).name for index in range(model.njnt)]


@pytest.mark.parametrize("robot", ARM_TABLES)
def test_seven_joints_come_before_the_fingers_and_the_objects_keep_their_addresses(robot, compiled):
    model, stock = compiled("drawer-close-v3", robot), compiled("drawer-close-v3", "sawyer")
    assert _joint_names(model)[7:] == _joint_names(stock)[7:] == ["r_close", "l_close", "goal_slidey"]
    assert (model.nq, model.nv, model.nu) == (stock.nq, stock.nv, stock.nu)
    assert np.array_equal(model.jnt_qposadr, stock.jnt_qposadr)


def test_sawyer_is_meta_worlds_own(compiled):
    assert "right_j0" in _joint_names(compiled("reach-v3", "sawyer"))


@pytest.mark.parametrize("robot", ARM_TABLES)
def test_the_hand_and_the_weld_are_sawyers(robot, compiled):
    model, stock = compiled("reach-v3", robot), compiled("reach-v3", "sawyer")
    for name in HAND:
        ours, theirs = model.body(name), stock.body(name)
        for field in ("pos", "quat", "mass", "inertia", "ipos"):
            assert getattr(ours, field) == pytest.approx(getattr(theirs, field)), (name, field)
        assert ours.geomnum == theirs.geomnum
        for offset in range(int(ours.geomnum[0])):
            pair = [m.geom(int(body.geomadr[0]) + offset) for m, body in ((model, ours), (stock, theirs))]
            for field in ("type", "size", "pos", "contype", "conaffinity", "condim", "friction", "solref"):
                assert np.array_equal(*(getattr(geom, field) for geom in pair)), (name, field)
    for name in ("r_close", "l_close"):
        for field in ("range", "armature", "damping", "axis"):
            assert np.array_equal(getattr(model.joint(name), field), getattr(stock.joint(name), field))
    for field in ("eq_type", "eq_solref", "eq_solimp", "actuator_gainprm", "actuator_biasprm"):
        assert np.array_equal(getattr(model, field), getattr(stock, field)), field
    assert model.body(model.eq_obj2id[0]).name == "hand"
    assert model.site("rightEndEffector").pos == pytest.approx(stock.site("rightEndEffector").pos)


def test_only_the_hand_of_our_arms_touches_anything(compiled):
    model = compiled("reach-v3", "panda")
    links = [model.body(f"arm_link_{index}").id for index in range(7)]
    of_links = np.isin(model.geom_bodyid, links)
    assert of_links.any() and not (model.geom_contype | model.geom_conaffinity)[of_links].any()


@pytest.mark.parametrize("robot", SIX_JOINTS)
def test_what_stands_in_for_a_seventh_joint_never_moves_and_never_weighs_on_the_arm(robot, at_rest):
    model, data = at_rest("reach-v3", robot)
    spare = model.joint("spare_joint_0")
    address, dof = int(spare.qposadr[0]), int(spare.dofadr[0])
    rng = np.random.default_rng(1)
    for _ in range(400):
        data.mocap_pos[0] = rng.uniform((-0.2, 0.5, 0.1), (0.2, 0.7, 0.3))
        data.mocap_quat[0] = (1, 0, 1, 0)
        mujoco.mj_step(model, data)
        assert data.qpos[address] == 0.0 and data.qvel[dof] == 0.0
    inertia = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, inertia, data.qM)
    assert inertia[dof, dof] > 0
    assert not np.delete(inertia[dof], dof).any()


def test_an_unknown_task_or_robot_is_refused():
    with pytest.raises(ValueError, match="reach-v3"):
        task_spec("reech-v3", "panda")
    with pytest.raises(ValueError, match="did you mean ur5e"):
        task_spec("reach-v3", "ur5")
