"""The trajectory transformer that a distillation reads histories with."""

from __future__ import annotations

from pathlib import Path

import torch

from potstill.experience.errors import ArrayFileError
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.collective.job import CollectiveJob
from potstill.policies.representation_checkpoint import load_representation
from potstill.policies.trajectory_transformer import TrajectoryTransformer


def first_transformer(job: CollectiveJob, table: TrajectoryTable) -> TrajectoryTransformer | None:
    """The one of ``job.representation``, else a random one normalised by ``table``; None where none is read.

    Raises:
        ArrayFileError: the checkpoint is unreadable, another version, or of other choices than the job's.
    """
    if not job.policy.reads_history:
        return None
    state_size, action_size = table.sizes
    if job.representation:
        folder = Path(job.representation)
        transformer, _ = load_representation(folder, expected_sha256=job.representation_sha256)
        found = transformer.config, transformer.state_size, transformer.action_size
        wanted = job.transformer, state_size, action_size
        if found != wanted:
            raise ArrayFileError(f"{folder}: holds {found}, wanted {wanted}")
        return transformer
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        transformer = TrajectoryTransformer(job.transformer, state_size=state_size, action_size=action_size)
    statistics = (*table.statistics("state"), *table.statistics("reward"))
    transformer.set_normaliser(*map(torch.from_numpy, statistics))
    return transformer
