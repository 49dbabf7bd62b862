"""What an expert would do, with its spread where it has one."""

from __future__ import annotations

import numpy as np

from potstill.envs.teachers import Teacher
from potstill.policies.expert_policy import ExpertPolicy


def expert_label(expert: Teacher, privileged: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The expert's deterministic action and the log standard deviation around it.

    Args:
        expert: A trained expert, or a scripted teacher.
        privileged: (S,) float64.

    Returns:
        mu (A,) float32 in [-1, 1], what ``expert.act`` gives, and log_std (A,) float32 of the Gaussian before the
        squashing; None for a scripted teacher, which has no distribution.
    """
    if not isinstance(expert, ExpertPolicy):
        return expert.act(privileged), None
    mu, log_std = expert.distribution(privileged[None])
    return mu[0], log_std[0]
