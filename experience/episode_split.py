"""Which episodes train, which validate: decided by a hash of each episode's id, so it never changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from potstill.experience.aggregation_config import AggregationConfig
from potstill.experience.round_manifest import EpisodeEntry
from potstill.experience.stable_draw import stable_draw

Split = Literal["train", "validation"]


def split_episodes(
    entries: Sequence[EpisodeEntry], config: AggregationConfig, *, seed: int
) -> dict[Split, list[EpisodeEntry]]:
    """Divide the entries of all rounds; order is kept. Validation holds out from every round alike."""
    newest = max((entry.round for entry in entries), default=0)
    held_out = [entry for entry in entries if _draw("split", entry, seed) < config.validation_fraction]
    training = [entry for entry in entries if _draw("split", entry, seed) >= config.validation_fraction]
    kept = [
        entry
        for entry in training
        if entry.round == newest or _draw("keep", entry, seed) < config.old_keep_ratio
    ]
    return {"train": _cap(kept, config.max_episodes_per_round, seed), "validation": held_out}


def _cap(entries: list[EpisodeEntry], limit: int | None, seed: int) -> list[EpisodeEntry]:
    if limit is None:
        return entries
    chosen: set[tuple[int, int]] = set()
    for round in {entry.round for entry in entries}:
        drawn = sorted((e for e in entries if e.round == round), key=lambda e: _draw("cap", e, seed))
        chosen.update((e.round, e.index) for e in drawn[:limit])
    return [entry for entry in entries if (entry.round, entry.index) in chosen]


def _draw(purpose: str, entry: EpisodeEntry, seed: int) -> float:
    return stable_draw(f"{purpose}:{seed}:{entry.round}:{entry.index}")
