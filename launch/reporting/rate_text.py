"""A success rate of a report in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rate_text(entry: Mapping[str, Any]) -> str:
    """``0.96 [0.87, 0.99] of 50``."""
    if not entry["eval_episodes"]:
        return "not evaluated"
    low, high = entry["success_ci95"]
    return f"{entry['success_rate']:.2f} [{low:.2f}, {high:.2f}] of {entry['eval_episodes']}"
