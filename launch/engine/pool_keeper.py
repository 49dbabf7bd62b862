"""Looks after a run's pools while the runner waits: the dead are replaced, and sizes follow what is wanted."""

from __future__ import annotations

from typing import Any

from potstill.cluster.ray_pools import PoolBrokenError, RayPools
from potstill.launch.engine.event_sink import EventSink
from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.errors import BadInputError, RunFailedError


class PoolKeeper:
    """``tick`` every second or so; everything it does is an event."""

    def __init__(self, pools: RayPools, sizes: PoolSizes[Any], events: EventSink) -> None:
        self._pools = pools
        self._sizes = sizes
        self._events = events
        self._complaint = ""

    def tick(self) -> None:
        """Resize, then replace.

        Raises:
            RunFailedError: workers die faster than they can work.
        """
        self._resize()
        try:
            restarts = self._pools.supervise()
        except PoolBrokenError as error:
            raise RunFailedError(str(error)) from error
        for restart in restarts:
            self._events.write("worker_restarted", pool=restart.pool, reason=restart.reason)

    def _resize(self) -> None:
        try:
            wanted = self._sizes.read()
        except BadInputError as error:  # no reason to end a run that works; said once
            if str(error) != self._complaint:
                self._complaint = str(error)
                self._events.write("warning", message=self._complaint)
            return
        for pool, setting in self._sizes.settings.items():
            before, after = self._pools.size(pool), getattr(wanted, setting)
            if before != after:
                self._pools.resize(pool, after)
                self._events.write("pool_resized", pool=pool, before=before, after=after)
