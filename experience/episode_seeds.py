"""Environment seeds: disjoint between rounds, runs and evaluations by construction."""

from __future__ import annotations

#: Seeds of one block; a round never asks for more episodes than this.
ROUND_EPISODES = 2**24
#: Seeds of one run start above every evaluation seed.
_RUN = 2**32
#: The last block of a run; an expert's demonstrations begin in it (learners/sac).
_DEMONSTRATION_BLOCK = 255


def evaluation_seed(index: int) -> int:
    """Seeds 0.. : the same in every run, so that two runs can be compared episode by episode."""
    return index


def final_evaluation_seed(index: int) -> int:
    """Seeds of the last evaluation, disjoint from those that chose the best checkpoint."""
    return ROUND_EPISODES + index


def rollout_seed(run_seed: int, round_index: int, index: int) -> int:
    """Seeds of training episodes."""
    return (run_seed + 1) * _RUN + round_index * ROUND_EPISODES + index


def fallback_seed(run_seed: int, index: int) -> int:
    """Seeds of the disturbed oracle that replaces an expert: the upper half of the block of demonstrations."""
    return rollout_seed(run_seed, _DEMONSTRATION_BLOCK, ROUND_EPISODES // 2 + index)
