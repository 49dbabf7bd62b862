from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.task_simulation import MAX_STEPS, TaskSimulation

ACTIONS = np.random.default_rng(0).uniform(-1, 1, (12, 4)).astype(np.float32)


def _play(simulation: TaskSimulation, seed: int, actions: np.ndarray = ACTIONS) -> np.ndarray:
    return np.stack([simulation.reset(seed), *(simulation.step(action)[0] for action in actions)])


def test_an_unknown_task_or_robot_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="reach-v3"):
        TaskSimulation("reach-v9")
    with pytest.raises(ValueError, match="sawyer"):
        TaskSimulation("reach-v3", robot="sawyr")


def test_the_model_hash_names_the_model_and_not_the_episode() -> None:
    one, other = TaskSimulation("reach-v3"), TaskSimulation("reach-v3")
    other.reset(3)

    assert one.model_hash == other.model_hash
    assert one.model_hash != TaskSimulation("door-open-v3").model_hash


def test_a_step_gives_metaworlds_own_info() -> None:
    simulation = TaskSimulation("push-v3")
    observation = simulation.reset(2)
    assert observation.shape == (39,) and observation.dtype == np.float64
    observation, reward, info = simulation.step(ACTIONS[0])

    assert observation.shape == (39,) and observation.dtype == np.float64
    assert isinstance(reward, float) and reward == info["unscaled_reward"]
    assert {"success", "near_object", "grasp_success", "obj_to_target"} <= set(info)


@pytest.mark.parametrize("fast", [True, False])
def test_a_step_is_a_push_and_a_look(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not fast:
        monkeypatch.setattr("potstill.envs.task_simulation.accelerate", lambda env, spec: False)
    whole, halved = TaskSimulation("reach-v3"), TaskSimulation("reach-v3")
    assert whole.fast == halved.fast == fast
    whole.reset(1), halved.reset(1)
    for action in ACTIONS:
        halved.push(action)
        (observation, *rest), (expected, *others) = halved.look(), whole.step(action)
        assert (observation == expected).all() and rest == others


def test_an_episode_ends_at_metaworlds_limit() -> None:
    simulation = TaskSimulation("reach-v3")
    simulation.reset(0)
    for _ in range(MAX_STEPS):
        simulation.step(ACTIONS[0])
    with pytest.raises(ValueError, match="reset"):
        simulation.step(ACTIONS[0])


def test_a_delayed_action_is_executed_so_many_steps_later_and_zeros_before() -> None:
    delayed = TaskSimulation("reach-v3", dynamics=DynamicsConfig(action_delay=3))
    shifted = np.concatenate([np.zeros((3, 4), np.float32), ACTIONS])

    assert (_play(delayed, 4) == _play(TaskSimulation("reach-v3"), 4, shifted)[: len(ACTIONS) + 1]).all()


def test_no_delayed_action_of_one_episode_reaches_the_next() -> None:
    delayed = TaskSimulation("reach-v3", dynamics=DynamicsConfig(action_delay=3))
    first = _play(delayed, 4)

    assert (_play(delayed, 4) == first).all()


@pytest.mark.parametrize(
    "dynamics", [DynamicsConfig(observation_noise=0.01), DynamicsConfig(action_noise=0.3)]
)
def test_noise_follows_from_the_episodes_seed(dynamics: DynamicsConfig) -> None:
    noisy, again = (TaskSimulation("reach-v3", dynamics=dynamics) for _ in range(2))
    _play(again, 9)
    seen = _play(noisy, 4)

    assert (_play(again, 4) == seen).all()
    assert (_play(TaskSimulation("reach-v3"), 4) != seen).any()


def test_observation_noise_has_its_standard_deviation_and_leaves_the_world_alone() -> None:
    noisy = TaskSimulation("reach-v3", dynamics=DynamicsConfig(observation_noise=0.05))
    clean = TaskSimulation("reach-v3")
    difference = _play(noisy, 4) - _play(clean, 4)

    assert 0.045 < difference.std() < 0.055
    assert (noisy.data.qpos == clean.data.qpos).all()


def test_actions_with_noise_stay_in_their_range() -> None:
    noisy = TaskSimulation("reach-v3", dynamics=DynamicsConfig(action_noise=1.0))
    noisy.reset(1)
    before = noisy.data.mocap_pos.copy()
    for _ in range(20):
        noisy.step(np.ones(4, np.float32))
        moved, before = noisy.data.mocap_pos - before, noisy.data.mocap_pos.copy()
        assert np.abs(moved).max() <= 0.01 + 1e-12


def test_a_simulation_that_is_dropped_gives_its_memory_back() -> None:
    simulation = TaskSimulation("reach-v3")
    simulation.reset(0)
    simulation.step(np.zeros(4, np.float32))
    data = weakref.ref(simulation.data)
    del simulation
    gc.collect()
    assert data() is None


@pytest.mark.parametrize(
    ("task", "site"), [("reach-v3", "goal"), ("assembly-v3", "pegTop"), ("door-open-v3", "goal")]
)
def test_the_first_scene_shows_goal_and_fixed_objects_where_the_episode_has_them(
    task: str, site: str
) -> None:
    simulation = TaskSimulation(task)
    for seed in (1, 2):
        simulation.reset(seed)
        first = simulation.scene_state()
        simulation.step(np.zeros(4))
        second = simulation.scene_state()
        index = simulation.model.site(site).id
        assert np.abs(first.site_pos[index] - second.site_pos[index]).max() < 1e-9
        resting = simulation.model.body_weldid == 0
        assert np.abs(first.body_pos - second.body_pos)[resting].max() < 1e-9
        assert np.abs(first.body_pos - second.body_pos).max() < 0.02  # nothing jumps
