from __future__ import annotations

from dataclasses import fields, replace

import pytest

from potstill.envs.robots.robot_names import ROBOT_NAMES
from potstill.envs.task_names import TASK_NAMES
from potstill.experience.episode_seeds import ROUND_EPISODES
from potstill.launch.collective.config import CollectionConfig, CollectiveConfig, MatrixConfig


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"recipe": "a b"}, "recipe must match"),
        ({"tasks": ()}, "tasks must name at least one"),
        ({"tasks": ("reach-v3", "reach-v3")}, "tasks must name at least one, and each once"),
        ({"tasks": ("reech-v3",)}, "reach-v3"),
        ({"robots": ()}, "robots must name at least one"),
        ({"robots": ("sawyer", "sawyer")}, "robots must .* each once"),
        ({"robots": ("sawer",)}, "sawyer"),
        ({"unseen_robots": ("r2d2",)}, "r2d2"),
        ({"unseen_robots": ("sawyer",)}, "unseen_robots must be others than robots"),
        ({"unseen_robots": ("xarm7", "xarm7")}, "unseen_robots must be .* each once"),
        ({"contexts": ()}, "contexts must name at least one"),
        ({"contexts": ("code", "code")}, "contexts must .* each once"),
        ({"seed": -1}, "seed must be in"),
        ({"seed": 2**31}, "seed must be in"),
        ({"rounds": -1}, "rounds must be in 0..100"),
        ({"rounds": 101}, "rounds must be in 0..100"),
    ],
)
def test_a_run_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        CollectiveConfig(**{"recipe": "r", **settings})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"bootstrap_episodes": 1}, "bootstrap_episodes must be in 2..100000: got 1"),
        ({"episodes": 0}, "episodes must be in 1..100000: got 0"),
        ({"max_steps": 501}, "max_steps must be in 1..500: got 501"),
        ({"hold_steps": -1}, "hold_steps must be in 0..500: got -1"),
        ({"batch": 0}, "batch must be in 1..1024: got 0"),
        ({"random_fraction": -0.1}, "random_fraction must be in"),
        ({"noisy_fraction": float("nan")}, "noisy_fraction must be in"),
        ({"random_fraction": 0.6, "noisy_fraction": 0.5}, "must not exceed 1 together"),
        ({"noise": ()}, "noise must hold at least one"),
        ({"noise": (0.3, 2.5)}, "noise must hold standard deviations"),
    ],
)
def test_a_collection_that_cannot_be_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        CollectionConfig(**settings)


def test_without_a_disturbed_share_no_noise_is_needed():
    assert CollectionConfig(noisy_fraction=0.0, noise=()).noise == ()


@pytest.mark.parametrize("name", [field.name for field in fields(MatrixConfig)])
def test_an_evaluation_of_nothing_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be in 1.."):
        MatrixConfig(**{name: 0})


def test_a_round_never_has_more_episodes_than_seeds():
    config = CollectiveConfig(recipe="r", tasks=TASK_NAMES[:24], robots=ROBOT_NAMES[:7])
    assert len(config.cells) == 168
    most = CollectionConfig(bootstrap_episodes=99_864)
    assert 168 * replace(config, collection=most).episodes_of(0) <= ROUND_EPISODES
    with pytest.raises(
        ValueError, match=r"collection must ask for at most 16777216 episodes.*: got 16777320"
    ):
        replace(config, collection=replace(most, bootstrap_episodes=99_865))


def test_cells_are_all_pairs_robot_by_robot_and_unseen_robots_have_none():
    config = CollectiveConfig(
        recipe="r", tasks=("reach-v3", "push-v3"), robots=("ur5e", "sawyer"), unseen_robots=("panda",)
    )
    assert config.cells == (
        ("ur5e", "reach-v3"), ("ur5e", "push-v3"), ("sawyer", "reach-v3"), ("sawyer", "push-v3")
    )  # fmt: skip


def test_the_bootstrap_is_one_round_more_with_episodes_of_its_own():
    config = CollectiveConfig(
        recipe="r", rounds=2, collection=CollectionConfig(bootstrap_episodes=7, episodes=3)
    )
    assert config.round_count == 3
    assert [config.episodes_of(index) for index in range(3)] == [7, 3, 3]
