"""Points of a hyper-parameter space, drawn by Tune's distributions before anything starts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from ray import tune
from ray.tune.search.sample import Domain

#: ``grid`` is not drawn: all its values are combined.
GRID = "grid"
_DOMAINS: dict[str, Callable[[Sequence[Any]], Domain]] = {
    "choice": lambda values: tune.choice(list(values)),
    "uniform": lambda bounds: tune.uniform(*bounds),
    "loguniform": lambda bounds: tune.loguniform(*bounds),
    "randint": lambda bounds: tune.randint(*bounds),
}


def draw_samples(
    space: Mapping[str, tuple[str, Sequence[Any]]], *, samples: int, seed: int
) -> list[dict[str, Any]]:
    """Points of the space, the same for the same seed.

    Args:
        space: By key the name of a distribution and its arguments: ``choice`` and ``grid`` take values,
            ``uniform``, ``loguniform`` and ``randint`` take the bounds (the last excluded).
        samples: Draws for every combination of the ``grid`` values.
        seed: Of the draws.

    Raises:
        ValueError: arguments that the distribution does not take; names the key.
    """
    rng = np.random.default_rng(seed)
    domains = {key: _domain(key, *asked) for key, asked in space.items() if asked[0] != GRID}
    grids = {key: values for key, (name, values) in space.items() if name == GRID}
    points = []
    for combination in itertools.product(*grids.values()):
        for _ in range(samples if domains else 1):
            drawn = {key: _plain(domain.sample(random_state=rng)) for key, domain in domains.items()}
            point = dict(zip(grids, combination)) | drawn
            points.append({key: point[key] for key in space})
    return points


def _domain(key: str, name: str, arguments: Sequence[Any]) -> Domain:
    try:
        domain = _DOMAINS[name](arguments)
        domain.sample(random_state=np.random.default_rng(0))  # bounds are looked at only now
    except (TypeError, ValueError, AssertionError) as error:
        raise ValueError(f"{key}: {name} does not take {list(arguments)}: {error}") from None
    return domain


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
