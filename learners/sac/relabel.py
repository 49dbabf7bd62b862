"""Labels of a finished learning history by the expert that came out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from potstill.experience.errors import ArrayFileError
from potstill.experience.history_archive import HistoryArchive, seal_history
from potstill.experience.history_config import HistoryConfig
from potstill.experience.history_shard import HistoryShard
from potstill.learners.sac.losses import bellman_target, soft_value
from potstill.policies.expert_checkpoint import load_expert
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_policy import ExpertPolicy
from potstill.policies.sac_networks import SacNetworks


def relabel_history(
    snapshots: Sequence[Path], folder: Path, *, expert: Path, config: HistoryConfig
) -> HistoryArchive:
    """Label every snapshot with the expert, divide by episode, seal in ``folder``.

    All snapshots are in memory at once: about 10 MB for a training of a million steps.

    Args:
        snapshots: Files of a ``LearningHistory``, at least one.
        folder: The archive's; an earlier archive is replaced.
        expert: Folder of the final expert, with critics.
        config: Gives the share of validation episodes.

    Raises:
        ArrayFileError: a snapshot or the expert is missing, corrupt, or they are not of the same model.
    """
    networks, facts, _ = load_expert(expert)
    policy = ExpertPolicy.load(expert)
    shards = [HistoryShard.read(path) for path in snapshots]
    for path, shard in zip(snapshots, shards):
        if shard.facts.model_hash != facts.model_hash:
            raise ArrayFileError(
                f"{path}: was lived with {shard.facts.robot} in {shard.facts.task} (model "
                f"{shard.facts.model_hash[:12]}), the expert is one of {facts.robot} in {facts.task} (model "
                f"{facts.model_hash[:12]})"
            )
    return seal_history(
        folder,
        (relabelled(shard, networks, policy, facts) for shard in shards),
        episodes=[episode for shard in shards for episode in shard.episodes()],
        validation_fraction=config.validation_fraction,
    )


def relabelled(
    shard: HistoryShard, networks: SacNetworks, policy: ExpertPolicy, facts: ExpertFacts
) -> HistoryShard:
    """A copy with all labels.

    ``mu`` and ``log_std`` are the policy's at s. With V(s') = min_i Q'_i(s', a') - alpha log pi(a'|s'), a' ~ pi,
    ``value_target`` is r + gamma (1 - terminated) V(s') and ``legacy_value_target`` is V(s'), in the critics' unit
    (rewards times ``facts.reward_scale``). The draw of a' follows from the episode's seed.
    """
    mu, log_std = policy.distribution(shard.observation)
    next_value = _soft_values(networks, shard.next_observation, _noise(shard, networks.action_size))
    target = bellman_target(
        facts.reward_scale * torch.from_numpy(shard.reward),
        torch.from_numpy(shard.terminated).float(),
        next_value,
        discount=facts.discount,
    )
    return replace(
        shard,
        facts=replace(
            shard.facts, expert=policy.sha256, discount=facts.discount, reward_scale=facts.reward_scale
        ),
        mu=mu,
        log_std=log_std,
        value_target=target.numpy(),
        legacy_value_target=next_value.numpy(),
    )


def _soft_values(networks: SacNetworks, observation: np.ndarray, noise: np.ndarray) -> torch.Tensor:
    with torch.inference_mode():
        state = torch.from_numpy(observation)
        action, log_density = networks.actor.sample(state, torch.from_numpy(noise))
        q = networks.target_critic(state, action)
        return soft_value(q, log_density, networks.log_alpha.exp())


def _noise(shard: HistoryShard, action_size: int) -> np.ndarray:
    """Standard normal (R, A): of each episode from its own generator, whatever lies beside it."""
    noise = np.empty((len(shard), action_size), np.float32)
    for episode in shard.episodes():
        rows = shard.episode_seed == episode
        rng = np.random.default_rng((episode, _NOISE_STREAM))
        noise[rows] = rng.normal(size=(int(rows.sum()), action_size))
    return noise


#: Separates these draws from every other use of an episode's seed.
_NOISE_STREAM = 0x5AC
