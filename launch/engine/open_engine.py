"""Opens what every runner stands on: the queue, the episode store, the pools of workers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.cluster.ray_metrics_sink import RayMetricsSink
from potstill.cluster.ray_pools import PoolSpec, RayPools
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.engine.event_sink import EventSink
from potstill.launch.engine.pool_keeper import PoolKeeper
from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.engine.run_folder import RunFolder
from potstill.launch.errors import RunFailedError
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.metrics_publisher import MetricsPublisher
from potstill.queues.open_queue import open_queue
from potstill.queues.task_queue import TaskQueue


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Queue, store and pools, at work."""

    queue: TaskQueue
    store: EpisodeStore
    look_after_pools: Callable[[], None]
    """To be called every second or so: replaces the dead, resizes, publishes metrics."""


@contextlib.contextmanager
def open_engine(
    folder: RunFolder[Any],
    events: EventSink,
    pool_specs: Callable[[str], Sequence[PoolSpec]],
    *,
    sizes: PoolSizes[Any],
    redis_url: str | None,
    ray_address: str | None,
    dashboard: bool,
) -> Iterator[Engine]:
    """The engine of an opened run; everything that was started here is stopped at the end.

    Args:
        folder: Of the run.
        events: Told of restarts, changes of size, the dashboard.
        pool_specs: The pools of workers that join the server at the URL they are given.
        sizes: What the pools' sizes follow.
        redis_url: None for an embedded server in the run directory.
        ray_address: None for a Ray of our own.
        dashboard: Whether a Ray of our own has its dashboard.

    Raises:
        RunFailedError: the embedded server does not start.
    """
    run = folder.read_run()
    with contextlib.ExitStack() as stack:
        if redis_url is None:
            redis_url = stack.enter_context(_embedded_redis(folder.path)).url
        queue = open_queue(redis_url, run)
        pools = RayPools(pool_specs(redis_url), address=ray_address, dashboard=dashboard)
        stack.callback(pools.stop)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine unasked
        pools.start()
        if pools.dashboard_url:
            events.write("dashboard_started", url=pools.dashboard_url)
        publisher = MetricsPublisher(queue, [RayMetricsSink(run)])
        keeper = PoolKeeper(pools, sizes, events)

        def look_after_pools() -> None:
            publisher.tick()
            keeper.tick()

        yield Engine(queue=queue, store=EpisodeStore(folder.episodes_url), look_after_pools=look_after_pools)


def _embedded_redis(run_dir: Path) -> EmbeddedRedis:
    try:
        return EmbeddedRedis(run_dir / "redis")
    except QueueUnavailableError as error:
        raise RunFailedError(
            f"{error}; if its data are damaged, restore the ledger with: potstill queue rebuild {run_dir}"
        ) from error
