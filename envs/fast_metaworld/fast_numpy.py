"""NumPy for arrays of three numbers: the same module, with the calls that dominate a reward made cheap."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

_DOUBLE = np.dtype(np.float64)
_DENSE = (8,)


def fast_numpy() -> ModuleType:
    """A copy of numpy's namespace in which ``linalg.norm``, ``hstack`` and ``clip`` skip dispatch where they can.

    They give numpy's own bits and types, and hand everything unusual to numpy.
    """
    linalg = _copy(np.linalg)
    vars(linalg)["norm"] = _norm
    module = _copy(np)
    vars(module).update(linalg=linalg, hstack=_hstack, clip=_clip)
    return module


def _copy(module: ModuleType) -> ModuleType:
    copied = ModuleType(module.__name__)
    vars(copied).update(vars(module))
    return copied


def _norm(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Euclidean length of a vector, or of a number; a ``np.float64``."""
    if not args and (not kwargs or kwargs == {"ord": 2}):
        if type(x) is np.ndarray and x.dtype is _DOUBLE and x.ndim == 1:
            if x.strides != _DENSE:
                x = x.ravel(order="K")
            return np.float64(math.sqrt(x.dot(x)))
        if not kwargs and (type(x) is float or type(x) is np.float64):
            return np.float64(math.sqrt(x * x))
    return np.linalg.norm(x, *args, **kwargs)


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


def _clip(a: Any, *args: Any, **kwargs: Any) -> Any:
    """A number within two others, of its own kind."""
    kind = type(a)
    if len(args) != 2 or kwargs or (kind is not np.float64 and kind is not np.float32):
        return np.clip(a, *args, **kwargs)
    low, high = kind(args[0]), kind(args[1])
    return kind(min(max(a, low), high))
