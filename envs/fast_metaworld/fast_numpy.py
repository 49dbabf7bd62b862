"""NumPy for arrays of three numbers: the same module, with the calls that dominate a reward made cheap."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np


def fast_numpy() -> ModuleType:
    """A copy of numpy's namespace in which ``linalg.norm`` and ``hstack`` skip their dispatch where they can.

    Both give numpy's own bits: they make the same inner calls, and hand everything unusual to numpy.
    """
    linalg = _copy(np.linalg)
    vars(linalg)["norm"] = _norm
    module = _copy(np)
    vars(module).update(linalg=linalg, hstack=_hstack)
    return module


def _copy(module: ModuleType) -> ModuleType:
    copied = ModuleType(module.__name__)
    vars(copied).update(vars(module))
    return copied


def _norm(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Euclidean length of a vector; a ``np.float64``."""
    if args or kwargs or type(x) is not np.ndarray or x.ndim != 1 or x.dtype != np.float64:
        return np.linalg.norm(x, *args, **kwargs)
    x = x.ravel(order="K")
    return np.float64(math.sqrt(x.dot(x)))


def _hstack(parts: Any, **kwargs: Any) -> np.ndarray:
    """Numbers, or vectors, one after the other."""
    if kwargs or type(parts) is not tuple:
        return np.hstack(parts, **kwargs)
    kinds = {type(part) for part in parts}
    if kinds == {np.float64}:
        return np.array(parts)
    if kinds == {np.ndarray} and all(part.ndim == 1 for part in parts):
        return np.concatenate(parts)
    return np.hstack(parts)
