"""A distillation task of the learner worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.collective.distillation_data import DistillationData
from potstill.learners.collective.first_policy import first_policy
from potstill.learners.collective.first_transformer import first_transformer
from potstill.learners.collective.job import CollectiveJob
from potstill.learners.collective.learner import CollectiveLearner
from potstill.learners.collective.row_codes import row_codes
from potstill.learners.torch_device import choose_device, torch_threads
from potstill.learners.training_metrics import TrainingMetrics
from potstill.policies.collective_checkpoint import save_collective
from potstill.policies.collective_policy import CollectivePolicy


def train_collective(
    payload: Mapping[str, Any], *, threads: int, on_metrics: Callable[[TrainingMetrics], None]
) -> dict[str, Any]:
    """Train the job of ``payload`` to the end and write its checkpoint; a ``Trainer`` of ``LearnerWorker``.

    Args:
        payload: ``CollectiveJob.to_payload``.
        threads: For torch.
        on_metrics: Called with every report; what it raises ends the training, which can be resumed.

    Returns:
        ``checkpoint_sha256``, ``loss`` (None when it was never looked at), ``validation_loss`` (None without a
        split), ``steps`` and ``train_samples``.

    Raises:
        ValueError: settings that do not fit each other, the rounds or this machine.
        ManifestError: a round is not sealed.
        ArrayFileError: a checkpoint is unreadable or does not fit.
        TrainingDivergedError: the loss left its bounds; the last good state stays.
    """
    job = CollectiveJob.from_payload(payload)
    output = Path(job.output)
    with torch_threads(threads):
        table = TrajectoryTable(
            EpisodeStore(job.store), job.rounds, cache=Path(job.cache), split_seed=job.seed
        )
        policy, data, origin = _prepared(job, table)
        learner = CollectiveLearner(
            job.learner, policy, data, output, origin=origin, seed=job.seed, on_metrics=on_metrics
        )
        progress = learner.train()
        sha256 = save_collective(output, policy)
    return {
        "checkpoint_sha256": sha256,
        "loss": progress.train_loss if math.isfinite(progress.train_loss) else None,
        "validation_loss": progress.validation_loss,
        "steps": progress.step,
        "train_samples": len(data.training_rows),
    }


def _prepared(job: CollectiveJob, table: TrajectoryTable) -> tuple[CollectivePolicy, DistillationData, str]:
    """The policy on its device, its data, and where its weights are from."""
    strangers = sorted(set(table.tasks) - set(job.tasks))
    if strangers:
        raise ValueError(f"tasks must name every task of the rounds: {', '.join(strangers)} missing")
    device = choose_device(job.learner.training.device)
    transformer, codes = first_transformer(job, table), None
    if transformer is not None and job.policy.context == "code":
        codes = row_codes(
            table,
            transformer.to(device),
            sha256=job.representation_sha256,
            cache=Path(job.cache) / "codes",
            device=device,
        )
    policy, origin = first_policy(job, table, transformer, codes)
    policy.to(device)
    data = DistillationData(
        table,
        task_numbers=policy.task_numbers(table.tasks),
        window=policy.window if codes is None else 1,
        codes=codes,
        batch_size=job.learner.training.batch_size,
        seed=job.seed,
        device=device,
    )
    return policy, data, origin
