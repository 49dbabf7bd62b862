"""What can go wrong with Ray; free of Ray, so that whoever only reports it need not import it."""

from __future__ import annotations


class RayStartError(RuntimeError):
    """Ray did not come up on this machine; the message says what to do."""
