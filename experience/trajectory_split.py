"""Which episodes of a trajectory table train and which validate: equal parts of every (robot, task)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from potstill.experience.stable_draw import stable_draw


def held_out_episodes(
    episodes: Sequence[tuple[int, int, Hashable]], *, fraction: float, seed: int
) -> list[bool]:
    """Whether each episode validates.

    Of a cell's episodes of all rounds together ``ceil(fraction * count)`` are held out, but never the only one. A
    round's share is what the rounds before it left to be held out, so adding a later round changes no episode's
    side. Which ones within a round is decided by a hash of their numbers.

    Args:
        episodes: Round, index and cell (any label) of each.
        fraction: 0 <= f < 1.
        seed: Of the hashes.

    Raises:
        ValueError: fraction out of range.
    """
    if not 0.0 <= fraction < 1.0:
        raise ValueError(f"validation_fraction must be in [0, 1): got {fraction}")
    members: dict[Hashable, dict[int, list[int]]] = {}
    for place, (round, _, cell) in enumerate(episodes):
        members.setdefault(cell, {}).setdefault(round, []).append(place)

    def draw(place: int) -> float:
        round, index, _ = episodes[place]
        return stable_draw(f"split:{seed}:{round}:{index}")

    held: set[int] = set()
    for rounds in members.values():
        seen, taken = 0, 0
        for round in sorted(rounds):
            seen += len(rounds[round])
            # The small number: 0.1 * 30 is a little more than 3.
            wanted = min(math.ceil(fraction * seen - 1e-9), seen - 1)
            held.update(sorted(rounds[round], key=draw)[: wanted - taken])
            taken = wanted
    return [place in held for place in range(len(episodes))]
