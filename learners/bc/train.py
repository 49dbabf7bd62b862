"""A training task of the DAgger pipeline, from its payload to its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from potstill.experience.episode_dataset import EpisodeDataset
from potstill.experience.episode_store import EpisodeStore
from potstill.learners.bc.learner import BcLearner
from potstill.learners.training_job import TrainingJob
from potstill.learners.training_metrics import TrainingMetrics


def train_bc(
    payload: Mapping[str, Any], *, threads: int, on_metrics: Callable[[TrainingMetrics], None]
) -> dict[str, Any]:
    """Train one round's student (see ``TrainingJob``), resuming what a dead learner left.

    Returns checkpoint_sha256, loss and validation_loss (None where there is none), steps and train_samples.

    Raises:
        TrainingDivergedError: it would diverge again.
    """
    job = TrainingJob.from_payload(payload)
    dataset = EpisodeDataset(
        EpisodeStore(job.store),
        job.rounds,
        frame_stack=job.policy.frame_stack,
        split_seed=job.seed,
        config=job.learner.aggregation,
        privileged=job.learner.privileged_weight > 0.0,
    )
    try:
        result = BcLearner(
            job.learner,
            job.policy,
            dataset,
            Path(job.output),
            seed=job.seed,
            threads=threads,
            start_from=Path(job.initial_policy) if job.initial_policy else None,
            on_metrics=on_metrics,
        ).train()
    finally:
        dataset.close()
    return {
        "checkpoint_sha256": result.sha256,
        "loss": result.train_loss if math.isfinite(result.train_loss) else None,
        "validation_loss": result.validation_loss,
        "steps": result.steps,
        "train_samples": result.train_samples,
    }
