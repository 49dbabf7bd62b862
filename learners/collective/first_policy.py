"""The collective policy that a training begins with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from potstill.experience.errors import ArrayFileError
from potstill.experience.trajectory_table import TrajectoryTable
from potstill.learners.collective.job import CollectiveJob
from potstill.policies.collective_checkpoint import load_collective
from potstill.policies.collective_policy import CollectivePolicy
from potstill.policies.trajectory_transformer import TrajectoryTransformer


def first_policy(
    job: CollectiveJob,
    table: TrajectoryTable,
    transformer: TrajectoryTransformer | None,
    codes: np.ndarray | None,
) -> tuple[CollectivePolicy, str]:
    """The policy to begin with, and where its weights are from.

    Warm, all of it is the previous round's, normalisers included. Else the actor is random, and states and codes
    are normalised by the training rows.

    Args:
        job: Names the previous round's policy.
        table: The rows.
        transformer: Taken over, on any device; None where the context reads no history. Frozen, it must be the
            previous one's.
        codes: (R, Z) float32, a frozen transformer's, or None.

    Raises:
        ArrayFileError: the previous policy is unreadable or of another network.
    """
    state_size, action_size = table.sizes
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        policy = CollectivePolicy(
            job.policy,
            transformer=transformer,
            state_size=state_size,
            action_size=action_size,
            tasks=job.tasks,
            code_size=job.transformer.code_size,
        )
    if job.initial_policy and job.learner.start == "warm":
        previous, sha256 = load_collective(Path(job.initial_policy))
        _check_same_network(policy, previous, job)
        policy.load_state_dict(previous.state_dict())
        return policy, sha256
    policy.set_state_normaliser(*map(torch.from_numpy, table.statistics("state")))
    if codes is not None:
        known = codes[table.rows("train")].astype(np.float64)
        policy.set_context_normaliser(*map(torch.from_numpy, (known.mean(0), known.std(0))))
    return policy, job.representation_sha256 or "random"


def _check_same_network(policy: CollectivePolicy, previous: CollectivePolicy, job: CollectiveJob) -> None:
    def form(policy: CollectivePolicy) -> tuple:
        tasks = policy.tasks if policy.config.context == "id" else ()
        transformer = policy.transformer and policy.transformer.config
        return policy.config, transformer, policy.state_size, policy.action_size, policy.code_size, tasks

    if form(previous) != form(policy):
        raise ArrayFileError(f"{job.initial_policy}: holds {form(previous)}, wanted {form(policy)}")
    if policy.config.context == "code" and policy.transformer and previous.transformer:
        ours, theirs = policy.transformer.state_dict(), previous.transformer.state_dict()
        if not all(torch.equal(tensor.cpu(), theirs[name]) for name, tensor in ours.items()):
            raise ArrayFileError(
                f"{job.initial_policy}: reads codes of another transformer than {job.representation}; "
                "start must be 'reset'"
            )
