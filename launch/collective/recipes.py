"""The recipes of collective runs: functions that return one complete typed configuration each."""

from __future__ import annotations

from collections.abc import Callable

from potstill.envs.robots.robot_names import ROBOT_NAMES
from potstill.launch.collective.config import CollectionConfig, CollectiveConfig, MatrixConfig
from potstill.launch.engine.named_or_file import named_or_file
from potstill.launch.engine.worker_pools_config import WorkerPoolsConfig
from potstill.learners.collective.config import DistillationConfig
from potstill.learners.representation.config import RepresentationConfig
from potstill.learners.training_config import TrainingConfig
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig

#: The split of PACE: five arms to learn from, four that only the evaluation shows.
_SEEN = ("sawyer", "gen3", "xarm7", "ur10e", "z1")


def collective() -> CollectiveConfig:
    """MT10 with two seen arms and one unseen: about a quarter of an hour on two cores."""
    return CollectiveConfig(
        recipe="collective",
        robots=("sawyer", "ur5e"),
        unseen_robots=("panda",),
        collection=CollectionConfig(max_steps=250),
        transformer=_quick_transformer(),
        representation=RepresentationConfig(training=TrainingConfig(gradient_steps=600, batch_size=128)),
        evaluation=MatrixConfig(max_steps=250),
    )


def mt10() -> CollectiveConfig:
    """MT10 with PACE's split of nine arms: for a cluster, or a night."""
    return CollectiveConfig(
        recipe="mt10",
        robots=_SEEN,
        unseen_robots=tuple(robot for robot in ROBOT_NAMES if robot not in _SEEN),
        rounds=2,
        collection=CollectionConfig(bootstrap_episodes=50, episodes=20, max_steps=300),
        evaluation=MatrixConfig(final_episodes=50, max_steps=300),
        transformer=_quick_transformer(),
        representation=RepresentationConfig(training=TrainingConfig(gradient_steps=20_000, batch_size=128)),
        learner=DistillationConfig(training=TrainingConfig(gradient_steps=20_000)),
    )


def smoke() -> CollectiveConfig:
    """Everything once, as small as it goes: for tests and for trying out an installation."""
    return CollectiveConfig(
        recipe="smoke",
        tasks=("reach-v3", "drawer-close-v3"),
        robots=("sawyer",),
        unseen_robots=("ur5e",),
        contexts=("code", "zeros"),
        collection=CollectionConfig(bootstrap_episodes=5, episodes=2, max_steps=30, hold_steps=2, batch=4),
        evaluation=MatrixConfig(episodes=2, final_episodes=2, max_steps=30),
        representation=RepresentationConfig(training=_few_steps()),
        learner=DistillationConfig(training=_few_steps()),
        pools=WorkerPoolsConfig(rollout_workers=1, learner_threads=1, dashboard=False),
    )


def _quick_transformer() -> TrajectoryTransformerConfig:
    """Two heads of sixteen numbers: on a CPU the attention of eight of four is the larger part of a step."""
    return TrajectoryTransformerConfig(heads=2)


def _few_steps() -> TrainingConfig:
    return TrainingConfig(gradient_steps=20, batch_size=16, report_every_steps=5, checkpoint_every_steps=10)


RECIPES: dict[str, Callable[[], CollectiveConfig]] = {
    "collective": collective,
    "mt10": mt10,
    "smoke": smoke,
}


def load_recipe(name_or_path: str) -> CollectiveConfig:
    """A recipe by name, or a YAML file as written to ``config.yaml`` of a run.

    Raises:
        BadInputError: neither; names the nearest recipes.
    """
    return named_or_file(name_or_path, RECIPES, CollectiveConfig)
