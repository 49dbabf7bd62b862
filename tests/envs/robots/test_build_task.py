from __future__ import annotations

import numpy as np
import pytest
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from potstill.envs.robots.build_task import build_task
from potstill.envs.robots.robot_names import ROBOT_NAMES
from potstill.envs.robots.task_class import task_class
from potstill.envs.task_names import MT10, TASK_NAMES
from potstill.envs.task_simulation import TaskSimulation

#: One 6-joint arm for each task, in turn: they do not differ in where they keep the objects.
SIX_JOINTS = ("ur5e", "ur10e", "z1", "viperx")
ARM = ("right_j", "arm_joint", "spare_joint", "r_close", "l_close")
#: m. Most objects lie where Sawyer's do to the last bit; a few tasks drop theirs, take the position where it
#: came to rest, and that depends on the hand's last movements by less than this.
SETTLING = 1e-3


def _objects(env):
    """Positions of all joints that belong neither to the arm nor to the hand."""
    model = env.model
    sizes = {0: 7, 1: 4, 2: 1, 3: 1}
    chosen = [j for j in range(model.njnt) if not model.joint(j).name.startswith(ARM)]
    return np.concatenate(
        [
            env.data.qpos[model.jnt_qposadr[j] : model.jnt_qposadr[j] + sizes[int(model.jnt_type[j])]]
            for j in chosen
        ]
    )


@pytest.mark.parametrize("task", TASK_NAMES)
def test_with_a_6_joint_arm_every_object_and_goal_lies_where_sawyers_task_puts_it(task, begin):
    robot = SIX_JOINTS[TASK_NAMES.index(task) % len(SIX_JOINTS)]
    (stock, wanted), (ours, observation) = begin(task, "sawyer"), begin(task, robot)
    assert _objects(ours) == pytest.approx(_objects(stock), abs=SETTLING)
    assert observation[4:18] == pytest.approx(wanted[4:18], abs=SETTLING)
    assert observation[36:39] == pytest.approx(wanted[36:39], abs=SETTLING)
    assert observation[:3] == pytest.approx(wanted[:3], abs=0.006)  # m: Sawyer has not yet come to rest


@pytest.mark.parametrize("robot", ROBOT_NAMES)
def test_every_robot_does_100_random_steps_of_every_mt10_task(robot):
    hashes = set()
    for task in MT10:
        simulation = TaskSimulation(task, robot=robot)
        hashes.add(simulation.model_hash)
        rows = [simulation.reset(3)]
        rng = np.random.default_rng(3)
        rows += [simulation.step(rng.uniform(-1, 1, 4).astype(np.float32))[0] for _ in range(100)]
        observations = np.stack(rows)
        assert observations.shape == (101, 39)
        assert np.isfinite(observations).all()
        assert observations[:, 36:].any()  # the teacher sees the goal
        assert np.abs(np.diff(observations[:, :3], axis=0)).max() < 0.05, task  # m a step: nothing explodes
    assert len(hashes) == len(MT10) - 2  # opening and closing share a model: of the drawer, of the window


def test_sawyers_class_is_untouched_and_another_arms_is_a_subclass():
    assert task_class("reach-v3", "sawyer") is ALL_V3_ENVIRONMENTS["reach-v3"]
    panda = task_class("reach-v3", "panda")
    assert issubclass(panda, ALL_V3_ENVIRONMENTS["reach-v3"])
    assert panda is task_class("reach-v3", "panda")


def test_action_and_observation_spaces_are_those_of_sawyer():
    stock, ours = build_task("push-v3", "sawyer"), build_task("push-v3", "viperx")
    assert ours.action_space == stock.action_space
    assert ours.observation_space == stock.observation_space
    assert np.array_equal(ours.model.eq_data, stock.model.eq_data)


def test_an_unknown_robot_is_refused_before_anything_is_built():
    with pytest.raises(ValueError, match="did you mean sawyer"):
        build_task("reach-v3", "sawer")
