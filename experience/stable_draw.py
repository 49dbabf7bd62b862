"""A random number that a name decides: the same in every process, whatever was drawn before."""

from __future__ import annotations

import hashlib


def stable_draw(name: str) -> float:
    """A uniform number in [0, 1) that depends on nothing but its argument."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big") / 2**56
