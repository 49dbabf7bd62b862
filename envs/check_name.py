"""Refuses a name that is not among the known ones, with the nearest of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def check_name(name: str, known: Sequence[str], *, kind: str, known_as: str) -> None:
    """Raise ``ValueError`` for a name that does not exist.

    Args:
        name: As given.
        known: All names.
        kind: What it names, e.g. ``task``.
        known_as: How the message speaks of the known ones, e.g. ``Meta-World has 50 v3 tasks``.
    """
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise ValueError(f"unknown {kind} {name!r}: {known_as}{hint}")
