"""Meta-World's reward shapes for single numbers, bit for bit, without arrays."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from metaworld.utils import reward_utils

#: Of the two shapes that tasks use, as Meta-World computes them for its default of 0.1 at the margin.
_LONG_TAIL_SCALE = float(np.sqrt(1 / 0.1 - 1))
_GAUSSIAN_SCALE = float(np.sqrt(-2 * np.log(0.1)))


def fast_rewards() -> ModuleType:
    """A copy of ``metaworld.utils.reward_utils`` with a quick ``tolerance``."""
    module = ModuleType(reward_utils.__name__)
    vars(module).update(vars(reward_utils))
    vars(module)["tolerance"] = fast_tolerance
    return module


def fast_tolerance(
    x: Any,
    bounds: tuple[float, float] = (0.0, 0.0),
    margin: Any = 0.0,
    sigmoid: Any = "gaussian",
    value_at_margin: float = 0.1,
) -> Any:
    """1 where ``x`` lies in ``bounds``, falling to ``value_at_margin`` at distance ``margin`` from them.

    Raises:
        ValueError: as Meta-World's own: bounds in the wrong order, a negative margin.
    """
    lower, upper = bounds
    quick = (type(x) is float or type(x) is np.float64) and sigmoid in _SHAPES and value_at_margin == 0.1
    if not quick or lower > upper or not margin >= 0:
        return reward_utils.tolerance(x, bounds, margin, sigmoid, value_at_margin)
    x = float(x)
    if lower <= x <= upper:
        return 1.0
    margin = float(margin)
    if margin == 0.0:
        return 0.0
    distance = (float(lower) - x if x < lower else x - float(upper)) / margin
    return _SHAPES[sigmoid](distance)


def _long_tail(distance: float) -> float:
    return 1.0 / ((distance * _LONG_TAIL_SCALE) ** 2 + 1.0)


def _gaussian(distance: float) -> float:
    # numpy's exponential: that of the C library differs from it in the last bit.
    return float(np.exp(-0.5 * (distance * _GAUSSIAN_SCALE) ** 2))


_SHAPES = {"long_tail": _long_tail, "gaussian": _gaussian}
