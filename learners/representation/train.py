"""A representation task of the learner worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.representation.code_findings import code_findings
from potstill.learners.representation.job import RepresentationJob
from potstill.learners.representation.learner import RepresentationLearner
from potstill.learners.representation.objective import Objective
from potstill.learners.representation.representation_data import RepresentationData
from potstill.learners.torch_device import choose_device, torch_threads
from potstill.learners.training_metrics import TrainingMetrics
from potstill.policies.representation_checkpoint import save_representation
from potstill.policies.trajectory_transformer import TrajectoryTransformer


def train_representation(
    payload: Mapping[str, Any], *, threads: int, on_metrics: Callable[[TrainingMetrics], None]
) -> dict[str, Any]:
    """Train the job of ``payload`` to the end and write its checkpoint; a ``Trainer`` of ``LearnerWorker``.

    Args:
        payload: ``RepresentationJob.to_payload``.
        threads: For torch.
        on_metrics: Called with every report; what it raises ends the training, which can be resumed.

    Returns:
        ``checkpoint_sha256``, ``loss`` (None when it was never looked at), ``validation_loss`` (None without a
        split), ``steps``, ``train_samples``; with held-out episodes also ``code_findings``, and novelty.safetensors
        beside the checkpoint.

    Raises:
        ValueError: settings that do not fit this machine.
        ManifestError: a round is not sealed.
        EpisodeFileError: an episode is unreadable or mislabelled.
        TrainingDivergedError: the loss left its bounds; the last good state stays.
        StoreFullError: no space for packed columns, a state or the checkpoint.
    """
    job = RepresentationJob.from_payload(payload)
    output, training = Path(job.output), job.learner.training
    with torch_threads(threads):
        table = TrajectoryTable(
            EpisodeStore(job.store), job.rounds, cache=Path(job.cache), split_seed=job.seed
        )
        device = choose_device(training.device)
        data = RepresentationData(
            table,
            window=job.transformer.window,
            batch_size=training.batch_size,
            validation_batches=job.learner.validation_batches,
            seed=job.seed,
            device=device,
        )
        objective = _first_objective(job, table).to(device)
        learner = RepresentationLearner(
            job.learner, objective, data, output, seed=job.seed, on_metrics=on_metrics
        )
        progress = learner.train()
        sha256 = save_representation(output, objective.transformer)
        findings = code_findings(table, data, objective, output, sha256=sha256)
    return {
        "checkpoint_sha256": sha256,
        "loss": progress.train_loss if math.isfinite(progress.train_loss) else None,
        "validation_loss": progress.validation_loss,
        "steps": progress.step,
        "train_samples": len(data.training_rows),
    } | findings


def _first_objective(job: RepresentationJob, table: TrajectoryTable) -> Objective:
    """Random weights that follow from the job's seed, and the normaliser of the training rows."""
    state_size, action_size = table.sizes
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        transformer = TrajectoryTransformer(job.transformer, state_size=state_size, action_size=action_size)
        objective = Objective(transformer, job.learner, robots=len(table.robots))
    statistics = (*table.statistics("state"), *table.statistics("reward"))
    transformer.set_normaliser(*map(torch.from_numpy, statistics))
    return objective
