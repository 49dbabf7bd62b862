"""The complete typed configuration of one expert: a recipe is one value of ``ExpertConfig``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from potstill.actors.noise_schedule import NoiseSchedule
from potstill.envs.dynamics_config import DynamicsConfig
from potstill.envs.robots.robot_names import check_robot_name
from potstill.envs.task_names import check_task_name
from potstill.experience.history_config import HistoryConfig
from potstill.learners.sac.config import SacConfig
from potstill.learners.sac.shaping_config import ShapingConfig


@dataclass(frozen=True, kw_only=True)
class BudgetConfig:
    """What training may cost; it ends at the first limit it meets, or before when it is good enough."""

    env_steps: int = 500_000
    """Environment steps, 1000..10**9, random phase included."""
    minutes: float | None = None
    """Training time of all sessions together, evaluations included, (0, 100000]; None = no limit."""
    checkpoint_seconds: float = 60.0
    """Between two checkpoints for ``--resume``, 1..86400; at most this much is redone after a crash."""

    def __post_init__(self) -> None:
        if not 1_000 <= self.env_steps <= 10**9:
            raise ValueError(f"env_steps must be in 1000..10**9: got {self.env_steps}")
        if self.minutes is not None and not 0.0 < self.minutes <= 100_000.0:
            raise ValueError(f"minutes must be in (0, 100000] or none: got {self.minutes}")
        if not 1.0 <= self.checkpoint_seconds <= 86_400.0:
            raise ValueError(f"checkpoint_seconds must be in 1..86400: got {self.checkpoint_seconds}")


@dataclass(frozen=True, kw_only=True)
class ExpertEvaluationConfig:
    """Evaluation of the deterministic expert, asked at every environment step, on goals that training never sees."""

    interval: int = 5_000
    """Environment steps between two evaluations, 100..10**8."""
    episodes: int = 50
    """Per evaluation; the seeds are always the same, so that they choose the best checkpoint fairly."""
    final_episodes: int = 50
    """Of the best checkpoint, on seeds of their own: the figure that is reported."""
    max_steps: int = 200
    """Environment steps, 1..500, within which the task must succeed once."""
    stop_at: float = 0.98
    """Training ends early when two evaluations in a row reach this success rate, (0, 1]."""

    def __post_init__(self) -> None:
        if not 100 <= self.interval <= 10**8:
            raise ValueError(f"interval must be in 100..10**8 environment steps: got {self.interval}")
        for name in ("episodes", "final_episodes"):
            if not 1 <= getattr(self, name) <= 10_000:
                raise ValueError(f"{name} must be in 1..10000: got {getattr(self, name)}")
        if not 1 <= self.max_steps <= 500:
            raise ValueError(f"max_steps must be in 1..500: got {self.max_steps}")
        if not 0.0 < self.stop_at <= 1.0:
            raise ValueError(f"stop_at must be in (0, 1]: got {self.stop_at}")


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """Which intermediate checkpoints are kept: the weaker teachers of DAgger's first phase."""

    successes: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    """The first evaluation that reaches each of these success rates is kept; increasing, in (0, 1]."""
    interval: int = 0
    """Also the evaluation at or after every such many environment steps; 0 = none of them."""

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.successes, self.successes[1:]))
        if not rising or any(not 0.0 < level <= 1.0 for level in self.successes):
            raise ValueError(f"successes must be increasing rates in (0, 1]: got {self.successes}")
        if not 0 <= self.interval <= 10**9:
            raise ValueError(f"interval must be in 0..10**9: got {self.interval}")


@dataclass(frozen=True, kw_only=True)
class GateConfig:
    """When an expert is good enough to be a teacher, and what takes its place when it is not."""

    threshold: float = 0.8
    """Final success rate from which on it is, [0, 1]."""
    fallback_episodes: int = 200
    """Episodes of the disturbed oracle that else become the learning history, 1..100000."""
    fallback_noise: NoiseSchedule = field(default_factory=NoiseSchedule)
    """How the oracle is disturbed."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"threshold must be in [0, 1]: got {self.threshold}")
        if not 1 <= self.fallback_episodes <= 100_000:
            raise ValueError(f"fallback_episodes must be in 1..100000: got {self.fallback_episodes}")


@dataclass(frozen=True, kw_only=True)
class ResourcesConfig:
    """Processes and devices of one training."""

    env_runners: int = 0
    """Processes that sample beside the learner, 0..1000; 0 = the learner's own process samples."""
    learner_gpus: float = 0.0
    """GPUs the learner reserves, 0..8; a share such as 0.25 lets several trainings use one."""

    def __post_init__(self) -> None:
        if not 0 <= self.env_runners <= 1000:
            raise ValueError(f"env_runners must be in 0..1000: got {self.env_runners}")
        if not 0.0 <= self.learner_gpus <= 8.0:
            raise ValueError(f"learner_gpus must be in 0..8: got {self.learner_gpus}")


@dataclass(frozen=True, kw_only=True)
class ExpertConfig:
    """One expert: a task, a robot, a seed, and how it is trained, judged and kept."""

    recipe: str
    """Name under which the run is reported."""
    task: str = "reach-v3"
    """A Meta-World v3 task."""
    robot: str = "sawyer"
    """The arm."""
    seed: int = 0
    """0..2**31-1; every other seed follows from it."""
    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    """How the arm differs from nominal, in training and evaluation."""
    sac: SacConfig = field(default_factory=SacConfig)
    """The learner."""
    shaping: ShapingConfig = field(default_factory=ShapingConfig)
    """A collective policy that guides it; off by default."""
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    """When training ends."""
    evaluation: ExpertEvaluationConfig = field(default_factory=ExpertEvaluationConfig)
    """How success is measured."""
    ladder: LadderConfig = field(default_factory=LadderConfig)
    """Intermediate checkpoints."""
    history: HistoryConfig = field(default_factory=HistoryConfig)
    """Episodes kept of the whole training, labelled by the final expert."""
    gate: GateConfig = field(default_factory=GateConfig)
    """Quality gate."""
    resources: ResourcesConfig = field(default_factory=ResourcesConfig)
    """Processes and devices."""

    def __post_init__(self) -> None:
        check_task_name(self.task)
        check_robot_name(self.robot)
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must be in 0..2**31-1: got {self.seed}")

    @property
    def digest(self) -> str:
        """First 8 hex digits of the content's hash: equal configurations share one trial."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:8]

    @property
    def label(self) -> str:
        """``task-robot-seedN-digest``, the name of a trial and of its folder."""
        return f"{self.task}-{self.robot}-seed{self.seed}-{self.digest}"
