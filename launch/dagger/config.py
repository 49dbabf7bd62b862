"""The complete typed configuration of a DAgger run: a recipe is one value of ``DaggerConfig``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from potstill.actors.beta_schedule import BetaSchedule
from potstill.actors.rollout_config import RolloutConfig
from potstill.envs.rendering.render_config import RenderConfig
from potstill.envs.robots.robot_names import check_robot_name
from potstill.envs.task_names import check_task_name
from potstill.launch.engine.lease_config import LeaseConfig
from potstill.launch.engine.worker_pools_config import WorkerPoolsConfig
from potstill.learners.bc.config import BcConfig
from potstill.policies.pixel_policy_config import PixelPolicyConfig
from potstill.queues.task import ID_PATTERN

#: What a student can be shown while it is evaluated: prompts of the training split, prompts that no training saw, or
#: plain RGB.
Look = Literal["seen", "held_out", "plain"]
#: Pool, and the setting that holds its size. The learner is one worker: more would train several students.
RESIZABLE_POOLS = {"rollout": "rollout_workers", "render": "render_workers"}


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """Who acts in the bootstrap round; the labels are always the clean expert's."""

    expert: str = "oracle"
    """Whose actions are the labels: ``oracle`` (Meta-World's scripted policy), or the folder of an expert."""
    ladder: tuple[float, ...] = (0.3, 0.6, 1.0)
    """Noise levels of the degraded teachers that stand in for intermediate checkpoints; each in (0, 2]."""
    ladder_experts: tuple[str, ...] = ()
    """Folders of intermediate experts, or of whole ladders; when given, they are the ladder, and no noise is."""
    ladder_fraction: float = 0.5
    """Share of bootstrap rollouts acted by the ladder, in equal parts; the rest by the expert itself."""

    def __post_init__(self) -> None:
        if any(not 0.0 < sigma <= 2.0 for sigma in self.ladder):
            raise ValueError(f"ladder must hold noise levels in (0, 2]: got {self.ladder}")
        if not 0.0 <= self.ladder_fraction <= 1.0:
            raise ValueError(f"ladder_fraction must be in [0, 1]: got {self.ladder_fraction}")
        if self.ladder_fraction > 0 and not self.ladder and not self.ladder_experts:
            raise ValueError("ladder_fraction needs a ladder with at least one noise level or expert")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Closed-loop evaluation on seeds that no training round uses."""

    episodes: int = 50
    """Per round."""
    final_episodes: int = 100
    """Of the best checkpoint, on seeds of their own: choosing the best of several rounds flatters it."""
    max_steps: int = 120
    """Steps, 1..500, within which the task must succeed once."""
    look: Look = "seen"
    """What the student is shown: prompts of the training split, prompts that no training saw, or plain RGB whatever
    the painter. Without prompts ``seen`` and ``held_out`` are the painter's own looks."""
    final_looks: tuple[Look, ...] = ()
    """Looks of further final evaluations of the best checkpoint, which ``look`` alone chooses: the same seeds again,
    painted at every step. Prompts are painted by the run's painter, or by the procedural one where it takes none, so
    that every student can be put before the same pictures."""

    def __post_init__(self) -> None:
        for name in ("episodes", "final_episodes"):
            if not 1 <= getattr(self, name) <= 10_000:
                raise ValueError(f"{name} must be in 1..10000: got {getattr(self, name)}")
        if not 1 <= self.max_steps <= 500:
            raise ValueError(f"max_steps must be in 1..500: got {self.max_steps}")
        if len(set(self.final_looks)) < len(self.final_looks):
            raise ValueError(f"final_looks must name each look once: got {self.final_looks}")


@dataclass(frozen=True, kw_only=True)
class PoolsConfig(WorkerPoolsConfig):
    """How many workers run, and what each may use."""

    render_workers: int = 2
    """Processes that draw, 1..1000."""
    render_batch: int = 4
    """A render worker takes waiting scenes until it has this many, 1..1024. MuJoCo's rasteriser draws one after
    the other, so a large batch only keeps work from the other render workers."""
    render_gpus: float = 0.0
    """GPUs each render worker reserves, 0..8; a share such as 0.25 lets several use one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, high in (("render_workers", 1000), ("render_batch", 1024)):
            if not 1 <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in 1..{high}: got {getattr(self, name)}")
        if not 0.0 <= self.render_gpus <= 8.0:
            raise ValueError(f"render_gpus must be in 0..8: got {self.render_gpus}")


@dataclass(frozen=True, kw_only=True)
class DeliveryConfig(LeaseConfig):
    """Leases and attempts of the task queue, and patience with renderers."""

    render_deadline_seconds: float = 60.0
    """A render request without an answer for this long, 1..3600, fails its rollout's attempt."""
    max_waiting_renders: int = 256
    """Render requests (scenes of half a rollout worker's batch each) that may wait, 1..100000; then rollouts wait."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1.0 <= self.render_deadline_seconds <= 3600.0:
            raise ValueError(
                f"render_deadline_seconds must be in 1..3600 seconds: got {self.render_deadline_seconds}"
            )
        if not 1 <= self.max_waiting_renders <= 100_000:
            raise ValueError(f"max_waiting_renders must be in 1..100000: got {self.max_waiting_renders}")


@dataclass(frozen=True, kw_only=True)
class DaggerConfig:
    """One run. Round 0 is acted by the teachers; rounds 1..``rounds`` by the newest student."""

    recipe: str
    """Name under which the run is reported."""
    task: str = "reach-v3"
    """A Meta-World v3 task."""
    robot: str = "sawyer"
    """The arm: sawyer, panda, iiwa, xarm7, gen3, ur5e, ur10e, z1 or viperx."""
    seed: int = 0
    """0..2**31-1; every other seed follows from it."""
    rounds: int = 3
    """On-policy rounds after the bootstrap, 0..100."""
    bootstrap_rollouts: int = 40
    """Episodes of round 0, 1..100000."""
    rollouts: int = 20
    """Episodes of every later round, 1..100000."""
    collection: Literal["dagger", "expert_only", "none"] = "dagger"
    """Two are controls. expert_only: the same number of episodes, all acted by the expert. none: no rounds and no
    student; the expert itself is evaluated, the ceiling of what a student can reach."""
    beta: BetaSchedule = field(default_factory=BetaSchedule)
    """How often the expert acts in the on-policy rounds."""
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    """Bootstrap actors."""
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    """Episode length and lock-step batch."""
    render: RenderConfig = field(default_factory=RenderConfig)
    """The student's eyes."""
    policy: PixelPolicyConfig = field(default_factory=PixelPolicyConfig)
    """The student's network."""
    learner: BcConfig = field(default_factory=BcConfig)
    """Behaviour cloning."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    """Closed-loop evaluation."""
    pools: PoolsConfig = field(default_factory=PoolsConfig)
    """Workers."""
    delivery: DeliveryConfig = field(default_factory=DeliveryConfig)
    """Queue settings."""

    def __post_init__(self) -> None:
        if not ID_PATTERN.match(self.recipe):
            raise ValueError(f"recipe must match {ID_PATTERN.pattern}: got {self.recipe!r}")
        try:
            check_task_name(self.task)
        except ValueError as error:
            raise ValueError(f"task: {error}") from None
        try:
            check_robot_name(self.robot)
        except ValueError as error:
            raise ValueError(f"robot: {error}") from None
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must be in 0..2147483647: got {self.seed}")
        if not 0 <= self.rounds <= 100:
            raise ValueError(f"rounds must be in 0..100: got {self.rounds}")
        for name in ("bootstrap_rollouts", "rollouts"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise ValueError(f"{name} must be in 1..100000: got {getattr(self, name)}")

    @property
    def round_count(self) -> int:
        """Rounds of collecting, training and evaluating, the bootstrap included."""
        return 0 if self.collection == "none" else self.rounds + 1

    def rollouts_of(self, round_index: int) -> int:
        """Episodes requested in a round."""
        return self.bootstrap_rollouts if round_index == 0 else self.rollouts

    def phase_of(self, round_index: int) -> Literal["bootstrap", "on_policy"]:
        """The round's phase as the report names it; the control never goes on-policy."""
        return "bootstrap" if round_index == 0 or self.collection == "expert_only" else "on_policy"
