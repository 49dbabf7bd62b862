from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from potstill.envs.compress_observation import compress_observation
from potstill.envs.register_tasks import register_tasks
from potstill.envs.task_names import MT10, TASK_NAMES


@pytest.mark.parametrize("task", MT10)
def test_every_task_of_mt10_is_made_by_gymnasium_and_shows_its_goal(task: str) -> None:
    env = gymnasium.make(f"potstill.envs.register_tasks:potstill/{task}")
    observation, _ = env.reset(seed=3)
    assert env.observation_space.contains(observation)
    for action in np.random.default_rng(0).uniform(-1, 1, (3, 4)).astype(np.float32):
        observation, reward, terminated, truncated, info = env.step(action)
    env.close()

    whole = observation["privileged"]
    assert whole.shape == (39,) and 0.0 <= reward <= 10.0 and info.keys() == {"success"}
    assert not terminated and not truncated
    compressed = compress_observation(whole)
    assert (compressed == whole[[*range(18), *range(36, 39)]]).all()
    assert np.abs(compressed[18:]).max() > 0.01  # the goal is visible
    assert (compressed[:4] == whole[:4]).all() and np.isfinite(compressed).all()


def test_gymnasium_passes_the_robot_on() -> None:
    env = gymnasium.make("potstill/reach-v3", robot="ur5e")
    assert env.unwrapped.robot == "ur5e"
    with pytest.raises(ValueError, match="ur5e"):
        gymnasium.make("potstill/reach-v3", robot="ur5")


def test_registering_again_changes_nothing() -> None:
    before = dict(gymnasium.registry)
    register_tasks()
    assert dict(gymnasium.registry) == before
    assert sum(name.startswith("potstill/") for name in before) == len(TASK_NAMES)
