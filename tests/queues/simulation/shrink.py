"""The least that still breaks the promise."""

from __future__ import annotations

from typing import Any

from simulation.simulation import run_seed


def shrink(seed: int, *, steps: int, **settings: Any) -> tuple[int, tuple[str, ...]]:
    """Leave out kinds of fault, one by one, while the seed stays broken.

    Returns (steps until it breaks, kinds left out); both are arguments of ``run_seed``.
    """
    outcome = run_seed(seed, steps=steps, **settings)
    without: tuple[str, ...] = ()
    for kind in outcome.faults:
        attempt = run_seed(seed, steps=steps, without=(*without, kind), **settings)
        if attempt.broken:
            without, outcome = (*without, kind), attempt
    return outcome.steps, without
