"""A promise of the queue that was broken."""

from __future__ import annotations


class Violation(AssertionError):
    """Says which promise, and what was seen instead."""
