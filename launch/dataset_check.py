"""Is every episode of a run what it claims to be: hashes, counts, values, manifests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import ExperienceError


@dataclass(frozen=True, kw_only=True)
class RoundCheck:
    """What was found in one round."""

    round: int
    episodes: int
    steps: int
    sealed: bool
    problems: tuple[str, ...]
    """One line each, naming the file; empty when all is well."""


def check_dataset(episodes: Path) -> list[RoundCheck]:
    """Read every byte of the store. A round that is not sealed yet is no problem: it may be under way."""
    store = EpisodeStore(episodes)
    return [_check_round(store, round) for round in store.rounds()]


def _check_round(store: EpisodeStore, round: int) -> RoundCheck:
    try:
        entries = store.entries(round)
        problems = store.verify(round)
    except ExperienceError as error:
        return RoundCheck(round=round, episodes=0, steps=0, sealed=False, problems=(str(error),))
    sealed = True
    try:
        manifest = store.manifest(round)
        if list(manifest.entries) != entries:
            problems.append(f"round {round}: its manifest names other episodes than its entries")
    except ExperienceError as error:
        sealed = False
        if "missing" not in str(error):
            problems.append(str(error))
    for entry in entries:
        try:
            # Loading builds the record, which checks shapes, dtypes, NaN and Inf.
            episode = store.load(entry)
        except (ExperienceError, ValueError) as error:
            problems.append(f"episode {entry.round}/{entry.index}: {error}")
            continue
        if (len(episode), episode.succeeded) != (entry.steps, entry.success):
            problems.append(f"episode {entry.round}/{entry.index}: its entry states other steps or success")
    steps = sum(entry.steps for entry in entries)
    return RoundCheck(
        round=round, episodes=len(entries), steps=steps, sealed=sealed, problems=tuple(problems)
    )
