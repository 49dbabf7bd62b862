from __future__ import annotations

import gc
import weakref

import pytest

from potstill.actors.idle_simulations import IdleSimulations
from potstill.envs.dynamics_config import DynamicsConfig

NOMINAL = DynamicsConfig()
HEAVY = DynamicsConfig(mass_scale=2.0)


def test_a_simulation_is_used_again_for_the_same_world_only():
    idle = IdleSimulations()
    reach = idle.take("reach-v3", "sawyer", NOMINAL)
    idle.give(reach)
    others = [
        idle.take("push-v3", "sawyer", NOMINAL),
        idle.take("reach-v3", "ur5e", NOMINAL),
        idle.take("reach-v3", "sawyer", HEAVY),
    ]
    assert [(o.task, o.robot, o.dynamics.mass_scale) for o in others] == [
        ("push-v3", "sawyer", 1.0),
        ("reach-v3", "ur5e", 1.0),
        ("reach-v3", "sawyer", 2.0),
    ]
    assert idle.take("reach-v3", "sawyer", NOMINAL) is reach
    assert len(idle) == 0


def test_what_waited_longest_is_let_go():
    idle = IdleSimulations(most=2)
    simulations = [idle.take("reach-v3", "sawyer", NOMINAL) for _ in range(3)]
    first, second, third = map(weakref.ref, simulations)
    for simulation in simulations:
        idle.give(simulation)
    del simulation, simulations
    gc.collect()
    assert first() is None
    assert idle.take("reach-v3", "sawyer", NOMINAL) is third()
    assert idle.take("reach-v3", "sawyer", NOMINAL) is second()


def test_at_most_sixty_four_stay():
    idle = IdleSimulations()
    simulation = idle.take("reach-v3", "sawyer", NOMINAL)
    for _ in range(70):
        idle.give(simulation)
    assert len(idle) == 64


def test_an_unknown_robot_is_refused_by_name():
    with pytest.raises(ValueError, match="sawyer"):
        IdleSimulations().take("reach-v3", "sawyr", NOMINAL)
