"""Where the objects of a collective run are wired together: workers from settings, the system from a configuration."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from potstill.actors.trajectory_student import TrajectoryStudent
from potstill.actors.work_meter import WorkMeter
from potstill.cluster.ray_pools import PoolSpec
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.collective.config import RESIZABLE_POOLS, CollectiveConfig
from potstill.launch.collective.expert_table import ExpertTable
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.collective.runner import CollectiveRunner
from potstill.launch.collective.stage_tasks import CollectiveTasks
from potstill.launch.engine.event_sink import EventSink
from potstill.launch.engine.open_engine import open_engine
from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.engine.worker_process import (
    WORKER_ENVIRONMENT,
    open_lease_keeper,
    work_until_signal,
    worker_name,
)
from potstill.launch.errors import BadInputError
from potstill.queues.open_queue import open_queue


@dataclass(frozen=True, kw_only=True)
class CollectiveWorkerSettings:
    """What a worker process needs to join a run; the rest comes with its tasks."""

    redis_url: str
    run: str
    batch: int
    lease_seconds: float
    learner_threads: int

    @classmethod
    def of(cls, config: CollectiveConfig, *, redis_url: str, run: str) -> CollectiveWorkerSettings:
        """The settings of a run's workers."""
        return cls(
            redis_url=redis_url,
            run=run,
            batch=config.collection.batch,
            lease_seconds=config.delivery.lease_seconds,
            learner_threads=config.pools.learner_threads,
        )


@contextlib.contextmanager
def open_collective_system(
    experts: ExpertTable,
    folder: CollectiveFolder,
    events: EventSink,
    *,
    redis_url: str | None,
    ray_address: str | None,
) -> Iterator[CollectiveRunner]:
    """A runner with its queue, store and pools; everything that was started here is stopped at the end."""
    config, run = experts.config, folder.read_run()
    sizes = PoolSizes(folder.path, config.pools, RESIZABLE_POOLS)

    def pools_at(url: str) -> list[PoolSpec]:
        settings = CollectiveWorkerSettings.of(config, redis_url=url, run=run)
        return collective_pools(dataclasses.replace(config, pools=sizes.read()), settings)

    with open_engine(
        folder,
        events,
        pools_at,
        sizes=sizes,
        redis_url=redis_url,
        ray_address=ray_address,
        dashboard=config.pools.dashboard,
    ) as engine:
        tasks = CollectiveTasks(experts=experts, run=run, run_dir=folder.path, store=folder.episodes_url)
        yield CollectiveRunner(
            tasks=tasks,
            queue=engine.queue,
            store=engine.store,
            events=events,
            look_after_pools=engine.look_after_pools,
        )


def collective_pools(config: CollectiveConfig, settings: CollectiveWorkerSettings) -> list[PoolSpec]:
    """The two pools of a run."""
    threads = {"OMP_NUM_THREADS": str(settings.learner_threads)}
    return [
        PoolSpec(
            name="rollout",
            count=config.pools.rollout_workers,
            target=functools.partial(run_trajectory_worker, settings),
            environment=WORKER_ENVIRONMENT,
        ),
        PoolSpec(
            name="learner",
            count=1,
            target=functools.partial(run_collective_learner, settings),
            gpus=config.pools.learner_gpus,
            environment=WORKER_ENVIRONMENT | threads,
        ),
    ]


def run_trajectory_worker(
    settings: CollectiveWorkerSettings, index: int, should_stop: Callable[[], bool]
) -> None:
    """Act episodes until ``should_stop``."""
    from potstill.actors.trajectory_worker import TrajectoryWorker

    owner = worker_name("rollout", index)
    with open_lease_keeper(
        settings.redis_url, settings.run, kind="rollout", owner=owner, lease_seconds=settings.lease_seconds
    ) as leases:
        TrajectoryWorker(
            queue=open_queue(settings.redis_url, settings.run),
            leases=leases,
            load_student=_load_student,
            open_store=functools.cache(EpisodeStore),
            owner=owner,
            batch=settings.batch,
            lease_seconds=settings.lease_seconds,
            meter=WorkMeter(leases.report),
        ).run(should_stop)


def run_collective_learner(
    settings: CollectiveWorkerSettings, index: int, should_stop: Callable[[], bool]
) -> None:
    """Train until ``should_stop``."""
    from potstill.launch.engine.learner_process import run_learner
    from potstill.learners.collective.train import train_collective
    from potstill.learners.representation.train import train_representation

    run_learner(
        {"representation": train_representation, "distillation": train_collective},
        index,
        should_stop,
        redis_url=settings.redis_url,
        run=settings.run,
        lease_seconds=settings.lease_seconds,
        threads=settings.learner_threads,
    )


def run_collective_worker(kind: str, redis_url: str, run: str, run_dir: Path) -> int:
    """One worker by hand: the same that the pools start. Works until SIGINT or SIGTERM; returns 0.

    Raises:
        BadInputError: a collective run has no workers of that kind.
    """
    targets = {"rollout": run_trajectory_worker, "learner": run_collective_learner}
    if kind not in targets:
        raise BadInputError(
            f"worker: a collective run has no {kind} workers; choose from {', '.join(targets)}"
        )
    for name, value in WORKER_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    config = CollectiveFolder(run_dir).read_config()
    settings = CollectiveWorkerSettings.of(config, redis_url=redis_url, run=run)
    return work_until_signal(functools.partial(targets[kind], settings), kind=kind, run=run)


def _load_student(folder: str, sha256: str) -> TrajectoryStudent:
    # torch takes seconds to import, and the bootstrap round has no student: it need not wait for it.
    from potstill.policies.collective_inference import CollectiveInference

    return CollectiveInference.load(Path(folder), expected_sha256=sha256)
