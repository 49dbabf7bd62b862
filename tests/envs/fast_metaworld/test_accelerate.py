from __future__ import annotations

import logging

import numpy as np
import pytest

from potstill.envs.fast_metaworld import accelerate as accelerate_module
from potstill.envs.fast_metaworld.fast_step import FastStep
from potstill.envs.task_names import TASK_NAMES
from potstill.envs.task_simulation import TaskSimulation
from potstill.envs.teachers import OracleTeacher

#: Steps and noise on the oracle's actions, per episode; the last acts at random, out of range at times.
EPISODES = ((200, 0.0), (100, 0.5), (200, None))


def _same(ours: object, theirs: object) -> bool:
    """The same type and the same bits."""
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[key], theirs[key]) for key in ours)
    return type(ours) is type(theirs) and np.asarray(ours).tobytes() == np.asarray(theirs).tobytes()


def _action(oracle: OracleTeacher, observation: np.ndarray, noise: float | None, rng: np.random.Generator):
    if noise is None:
        return rng.uniform(-1.2, 1.2, 4).astype(np.float32)
    return (oracle.act(observation) + rng.normal(0.0, noise, 4)).astype(np.float32)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_observation_reward_and_info_are_metaworlds_to_the_last_bit(task, stock_simulation) -> None:
    fast, stock = TaskSimulation(task), stock_simulation(task)
    assert fast.fast and not stock.fast
    oracle, rng = OracleTeacher(task), np.random.default_rng(1)
    for seed, (steps, noise) in enumerate(EPISODES):
        observation, expected = fast.reset(seed), stock.reset(seed)
        assert _same(observation, expected)
        for _ in range(steps):
            action = _action(oracle, observation, noise, rng)
            (observation, reward, info), theirs = fast.step(action), stock.step(action)
            assert _same(observation, theirs[0])
            assert _same(reward, theirs[1])
            assert _same(info, theirs[2])
    assert _same(vars(fast.scene_state()), vars(stock.scene_state()))


@pytest.mark.parametrize("task", ["reach-v3", "push-v3", "door-open-v3"])
def test_another_arm_is_accelerated_alike(task, stock_simulation) -> None:
    fast, stock = TaskSimulation(task, robot="ur5e"), stock_simulation(task, robot="ur5e")
    assert fast.fast and fast.model_hash == stock.model_hash
    rng = np.random.default_rng(1)
    for seed in range(2):
        assert _same(fast.reset(seed), stock.reset(seed))
        for action in rng.uniform(-1, 1, (50, 4)).astype(np.float32):
            assert all(_same(ours, theirs) for ours, theirs in zip(fast.step(action), stock.step(action)))


def test_touching_is_seen_by_both_ways_of_stepping(stock_simulation) -> None:
    """A grasp, so that the comparison of the tasks above covers pads that do press."""
    fast, stock = TaskSimulation("pick-place-v3"), stock_simulation("pick-place-v3")
    oracle, touched = OracleTeacher("pick-place-v3"), []
    observation = fast.reset(3)
    stock.reset(3)
    for _ in range(80):
        action = oracle.act(observation)
        observation = fast.step(action)[0]
        stock.step(action)
        touched.append(bool(fast._env.touching_main_object))
        assert touched[-1] == bool(stock._env.touching_main_object)
    assert any(touched) and not all(touched)


def test_metaworlds_own_modules_and_classes_stay_as_they_are() -> None:
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS
    from metaworld.sawyer_xyz_env import SawyerXYZEnv

    simulation = TaskSimulation("push-v3")
    stock = ALL_V3_ENVIRONMENTS["push-v3"]
    assert isinstance(simulation._env, stock) and isinstance(simulation._env, FastStep)
    assert stock.compute_reward.__globals__["np"] is np
    assert SawyerXYZEnv.step is not FastStep.step


def test_unknown_libraries_are_stepped_as_they_are_with_one_warning(monkeypatch, caplog) -> None:
    monkeypatch.setattr(accelerate_module, "changed_sources", lambda: ["step", "tolerance"])
    accelerate_module._libraries_are_known.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            slow = [TaskSimulation("reach-v3") for _ in range(2)]
    finally:
        accelerate_module._libraries_are_known.cache_clear()

    assert not any(simulation.fast for simulation in slow)
    assert slow[0].reset(0).shape == (39,)
    assert [
        record.message for record in caplog.records if "step, tolerance" in record.message
    ] == caplog.messages
    assert len(caplog.messages) == 1
