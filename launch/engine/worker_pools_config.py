"""How many workers a run has: what the pools of every pipeline share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WorkerPoolsConfig:
    """How many workers run, and what each may use."""

    rollout_workers: int = 2
    """Processes that step environments, 1..1000."""
    learner_threads: int = 2
    """CPU threads of the learner, 1..256."""
    learner_gpus: float = 0.0
    """GPUs the learner reserves, 0..8; Ray hides every GPU from a worker that reserves none."""
    dashboard: bool = True
    """Start the Ray dashboard (on the loopback interface) with a local Ray."""

    def __post_init__(self) -> None:
        for name, high in (("rollout_workers", 1000), ("learner_threads", 256)):
            if not 1 <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in 1..{high}: got {getattr(self, name)}")
        if not 0.0 <= self.learner_gpus <= 8.0:
            raise ValueError(f"learner_gpus must be in 0..8: got {self.learner_gpus}")
