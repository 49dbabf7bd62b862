"""A promise of the queue that was not kept."""

from __future__ import annotations


class BrokenPromiseError(AssertionError):
    """Says which promise, and what was seen instead."""
