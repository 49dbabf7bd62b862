"""The contract of whoever keeps a worker's leases alive while the worker works."""

from __future__ import annotations

from typing import Protocol

from potstill.queues.task import Lease


class LeaseHolder(Protocol):
    """``hold`` after leasing, look at ``lost`` now and then, ``drop`` before acknowledging or giving back."""

    def hold(self, lease: Lease) -> None:
        """Extend this lease from now on."""

    def drop(self, lease: Lease) -> None:
        """Stop extending it."""

    def lost(self) -> frozenset[str]:
        """Ids of the held tasks whose lease is gone: stop working on them."""
