"""The newest event of a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def last_event(events: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The last of ``events`` of that name; empty where there is none."""
    return next((event for event in reversed(events) if event["event"] == name), {})
