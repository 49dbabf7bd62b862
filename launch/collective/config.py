"""The complete typed configuration of a collective run: a recipe is one value of ``CollectiveConfig``."""

from __future__ import annotations

from dataclasses import dataclass, field

from potstill.actors.beta_schedule import BetaSchedule
from potstill.envs.robots.robot_names import check_robot_name
from potstill.envs.task_names import MT10, check_task_name
from potstill.experience.episode_seeds import ROUND_EPISODES
from potstill.launch.engine.lease_config import LeaseConfig
from potstill.launch.engine.worker_pools_config import WorkerPoolsConfig
from potstill.learners.collective.config import DistillationConfig
from potstill.learners.representation.config import RepresentationConfig
from potstill.policies.collective_policy_config import CollectivePolicyConfig, ContextName
from potstill.policies.trajectory_transformer_config import TrajectoryTransformerConfig
from potstill.queues.task import ID_PATTERN

#: Pool, and the setting that holds its size.
RESIZABLE_POOLS = {"rollout": "rollout_workers"}


@dataclass(frozen=True, kw_only=True)
class CollectionConfig:
    """How much each (robot, task) cell collects, and who acts. The labels are always the clean expert's."""

    bootstrap_episodes: int = 20
    """Per cell in round 0, 2..100000."""
    episodes: int = 10
    """Per cell in each later round, acted by the newest collective policy, 1..100000."""
    random_fraction: float = 0.1
    """Share of the bootstrap acted at random, [0, 1]."""
    noisy_fraction: float = 0.5
    """Share of the bootstrap acted by the disturbed expert, [0, 1]; the rest by the expert itself."""
    noise: tuple[float, ...] = (0.3, 0.6, 1.0)
    """Standard deviations of the disturbance, in equal parts; each in (0, 2]."""
    max_steps: int = 200
    """Steps per episode, 1..500."""
    hold_steps: int = 10
    """Steps recorded after the first success, >= 0."""
    batch: int = 16
    """Episodes that a rollout worker steps together, 1..1024."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("bootstrap_episodes", 2, 100_000),
            ("episodes", 1, 100_000),
            ("max_steps", 1, 500),
            ("hold_steps", 0, 500),
            ("batch", 1, 1024),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}: got {getattr(self, name)}")
        for name in ("random_fraction", "noisy_fraction"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in [0, 1]: got {getattr(self, name)}")
        if self.random_fraction + self.noisy_fraction > 1.0:
            raise ValueError("random_fraction and noisy_fraction must not exceed 1 together")
        if self.noisy_fraction > 0 and not self.noise:
            raise ValueError("noise must hold at least one standard deviation where noisy_fraction is not 0")
        if any(not 0.0 < sigma <= 2.0 for sigma in self.noise):
            raise ValueError(f"noise must hold standard deviations in (0, 2]: got {self.noise}")


@dataclass(frozen=True, kw_only=True)
class MatrixConfig:
    """Evaluation of every robot on every task, on seeds that no training round uses."""

    episodes: int = 5
    """Per cell after each round, 1..10000: only robots that were seen."""
    final_episodes: int = 20
    """Per cell and context at the end, on seeds of their own, 1..10000: seen and unseen robots."""
    max_steps: int = 200
    """Steps, 1..500, that every episode lasts: success is told at any step and at the last one."""

    def __post_init__(self) -> None:
        for name, high in (("episodes", 10_000), ("final_episodes", 10_000), ("max_steps", 500)):
            if not 1 <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in 1..{high}: got {getattr(self, name)}")


@dataclass(frozen=True, kw_only=True)
class CollectiveConfig:
    """One run: many experts become one task-conditioned network, in rounds."""

    recipe: str
    """Name under which the run is reported."""
    tasks: tuple[str, ...] = MT10
    """Meta-World v3 tasks, each once."""
    robots: tuple[str, ...] = ("sawyer", "panda", "ur5e")
    """Arms whose experts are learned from, each once."""
    unseen_robots: tuple[str, ...] = ()
    """Arms that only the final evaluation shows: zero-shot."""
    seed: int = 0
    """0..2**31-1; every other seed follows from it."""
    experts: tuple[str, ...] = ()
    """Folders of trained experts, each the teacher of its own task and robot; Meta-World's scripted policy (the oracle)
    teaches where there is none."""
    rounds: int = 1
    """On-policy rounds after the bootstrap, 0..100."""
    contexts: tuple[ContextName, ...] = ("code", "id", "zeros")
    """What the network is told of its task: a code of the trajectory so far, its name, nothing; the first one acts in
    the on-policy rounds, the others are trained on the same data at the end and compared."""
    collection: CollectionConfig = field(default_factory=CollectionConfig)
    """Episodes of each cell."""
    beta: BetaSchedule = field(default_factory=BetaSchedule)
    """How often the expert acts in on-policy rounds."""
    transformer: TrajectoryTransformerConfig = field(default_factory=TrajectoryTransformerConfig)
    """The network that makes the code."""
    representation: RepresentationConfig = field(default_factory=RepresentationConfig)
    """How it is trained, once, on the bootstrap round; then it is frozen."""
    policy: CollectivePolicyConfig = field(default_factory=CollectivePolicyConfig)
    """The network that acts; its ``context`` is taken from ``contexts``."""
    learner: DistillationConfig = field(default_factory=DistillationConfig)
    """How it is trained, each round on all rounds so far."""
    evaluation: MatrixConfig = field(default_factory=MatrixConfig)
    """Robots x tasks."""
    pools: WorkerPoolsConfig = field(default_factory=WorkerPoolsConfig)
    """Workers."""
    delivery: LeaseConfig = field(default_factory=LeaseConfig)
    """Leases."""

    def __post_init__(self) -> None:
        if not ID_PATTERN.match(self.recipe):
            raise ValueError(f"recipe must match {ID_PATTERN.pattern}: got {self.recipe!r}")
        for task in self.tasks:
            check_task_name(task)
        for robot in (*self.robots, *self.unseen_robots):
            check_robot_name(robot)
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must be in 0..2**31-1: got {self.seed}")
        if not 0 <= self.rounds <= 100:
            raise ValueError(f"rounds must be in 0..100: got {self.rounds}")
        for name in ("tasks", "robots", "contexts"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"{name} must name at least one, and each once: got {values}")
        both = set(self.robots) & set(self.unseen_robots)
        if both or len(set(self.unseen_robots)) < len(self.unseen_robots):
            raise ValueError(f"unseen_robots must be others than robots, each once: got {self.unseen_robots}")
        most = len(self.cells) * max(self.episodes_of(index) for index in range(self.round_count))
        if most > ROUND_EPISODES:
            raise ValueError(
                f"collection must ask for at most {ROUND_EPISODES} episodes of all cells in a round: got {most}"
            )

    @property
    def cells(self) -> tuple[tuple[str, str], ...]:
        """(robot, task) of every cell that is learned from, in order."""
        return tuple((robot, task) for robot in self.robots for task in self.tasks)

    @property
    def round_count(self) -> int:
        """Rounds, the bootstrap included."""
        return 1 + self.rounds

    def episodes_of(self, round_index: int) -> int:
        """Episodes per cell of a round."""
        return self.collection.bootstrap_episodes if round_index == 0 else self.collection.episodes
