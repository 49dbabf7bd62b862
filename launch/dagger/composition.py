"""Where the objects of a DAgger run are wired together: workers from settings, the system from a configuration."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from potstill.actors.student import Student
from potstill.actors.work_meter import WorkMeter
from potstill.cluster.ray_pools import PoolSpec
from potstill.envs.rendering.diffusion.diffusion_config import DiffusionConfig
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.config import RESIZABLE_POOLS, DaggerConfig
from potstill.launch.dagger.pinned_generator import pinned_generator
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.runner import DaggerRunner
from potstill.launch.engine.open_engine import open_engine
from potstill.launch.engine.pool_sizes import PoolSizes
from potstill.launch.engine.worker_process import (
    WORKER_ENVIRONMENT,
    open_lease_keeper,
    work_until_signal,
    worker_name,
)
from potstill.launch.keep_freed_memory import keep_freed_memory
from potstill.launch.reporting.run_reporter import RunReporter
from potstill.queues.lease_keeper import LeaseKeeper
from potstill.queues.open_queue import open_queue
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server

WorkerKind = Literal["rollout", "render", "learner"]

#: Name of the render service on the queue.
RENDER_SERVICE = "render"
#: A render worker builds a task's model before its first reply; a request is not handed on before that is over.
RENDER_REDELIVER_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What a worker process needs to join a run; the rest comes with its tasks."""

    redis_url: str
    run: str
    rollout_batch: int
    renderer: str
    diffusion: DiffusionConfig | None = None
    """The model that render workers load; None where no generator paints."""
    render_batch: int
    lease_seconds: float
    render_deadline_seconds: float
    max_waiting_renders: int
    learner_threads: int

    @classmethod
    def of(cls, config: DaggerConfig, *, redis_url: str, run: str) -> WorkerSettings:
        """The settings of a run's workers."""
        return cls(
            redis_url=redis_url,
            run=run,
            rollout_batch=config.rollout.batch,
            renderer=config.render.renderer,
            diffusion=config.render.generator,
            render_batch=config.pools.render_batch,
            lease_seconds=config.delivery.lease_seconds,
            render_deadline_seconds=config.delivery.render_deadline_seconds,
            max_waiting_renders=config.delivery.max_waiting_renders,
            learner_threads=config.pools.learner_threads,
        )


@contextlib.contextmanager
def open_dagger_system(
    config: DaggerConfig,
    folder: DaggerFolder,
    reporter: RunReporter,
    *,
    run: str,
    redis_url: str | None,
    ray_address: str | None,
) -> Iterator[DaggerRunner]:
    """A runner with its queue, store and pools; everything that was started here is stopped at the end."""
    sizes = PoolSizes(folder.path, config.pools, RESIZABLE_POOLS)
    resized = dataclasses.replace(config, pools=sizes.read())

    def pools_at(url: str) -> list[PoolSpec]:
        return pool_specs(resized, WorkerSettings.of(config, redis_url=url, run=run))

    with open_engine(
        folder,
        reporter,
        pools_at,
        sizes=sizes,
        redis_url=redis_url,
        ray_address=ray_address,
        dashboard=config.pools.dashboard,
    ) as engine:
        yield DaggerRunner(
            config=config,
            run=run,
            run_dir=folder.path,
            queue=engine.queue,
            store=engine.store,
            store_url=folder.episodes_url,
            events=reporter,
            look_after_pools=engine.look_after_pools,
        )


def pool_specs(config: DaggerConfig, settings: WorkerSettings) -> list[PoolSpec]:
    """The three pools of a run; rollout workers wait for pictures, so the render pool stops last."""
    learner_environment = {"OMP_NUM_THREADS": str(settings.learner_threads)}
    return [
        PoolSpec(
            name="rollout",
            count=config.pools.rollout_workers,
            target=functools.partial(run_rollout_worker, settings),
            environment=WORKER_ENVIRONMENT,
        ),
        PoolSpec(
            name="learner",
            count=1,
            target=functools.partial(run_learner_worker, settings),
            gpus=config.pools.learner_gpus,
            environment=WORKER_ENVIRONMENT | learner_environment,
        ),
        PoolSpec(
            name="render",
            count=config.pools.render_workers,
            target=functools.partial(run_render_worker, settings),
            gpus=config.pools.render_gpus,
            environment=WORKER_ENVIRONMENT,
        ),
    ]


def run_rollout_worker(settings: WorkerSettings, index: int, should_stop: Callable[[], bool]) -> None:
    """Act episodes until ``should_stop``."""
    from potstill.actors.render_channel import RpcRenderChannel
    from potstill.actors.rollout_worker import RolloutWorker

    keep_freed_memory()
    owner = worker_name("rollout", index)
    client = open_rpc_client(
        settings.redis_url, settings.run, RENDER_SERVICE, max_waiting=settings.max_waiting_renders
    )
    with _lease_keeper(settings, owner, kind="rollout") as leases:
        RolloutWorker(
            queue=open_queue(settings.redis_url, settings.run),
            leases=leases,
            pictures=RpcRenderChannel(client, deadline_seconds=settings.render_deadline_seconds),
            load_student=_load_student,
            open_store=functools.cache(EpisodeStore),
            owner=owner,
            batch=settings.rollout_batch,
            lease_seconds=settings.lease_seconds,
            meter=WorkMeter(leases.report),
        ).run(should_stop)
    client.close()


def run_render_worker(settings: WorkerSettings, index: int, should_stop: Callable[[], bool]) -> None:
    """Draw scenes until ``should_stop``."""
    from potstill.actors.render_worker import RenderWorker
    from potstill.envs.rendering.open_scene_renderer import open_scene_renderer

    keep_freed_memory()
    redeliver = RENDER_REDELIVER_SECONDS
    if settings.diffusion is not None:  # one picture may take longer than that
        redeliver = max(redeliver, settings.render_deadline_seconds / 2)
    server = open_rpc_server(settings.redis_url, settings.run, RENDER_SERVICE, redeliver_seconds=redeliver)
    renderer = open_scene_renderer(settings.renderer, diffusion=settings.diffusion)
    try:
        with _lease_keeper(settings, worker_name("render", index), kind="render") as keeper:
            RenderWorker(server, renderer, batch=settings.render_batch, meter=WorkMeter(keeper.report)).run(
                should_stop
            )
    finally:
        renderer.close()


def run_learner_worker(settings: WorkerSettings, index: int, should_stop: Callable[[], bool]) -> None:
    """Train until ``should_stop``."""
    from potstill.launch.engine.learner_process import run_learner
    from potstill.learners.bc.train import train_bc

    run_learner(
        {"training": train_bc},
        index,
        should_stop,
        redis_url=settings.redis_url,
        run=settings.run,
        lease_seconds=settings.lease_seconds,
        threads=settings.learner_threads,
    )


def run_worker(kind: WorkerKind, redis_url: str, run: str, run_dir: Path) -> int:
    """One worker by hand: the same that the pools start. Works until SIGINT or SIGTERM; returns 0.

    Raises:
        BadInputError: what paints this run's pictures is not on this machine.
    """
    for name, value in WORKER_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    config = DaggerFolder(run_dir).read_config()
    if kind == "render":
        config = pinned_generator(config)
    settings = WorkerSettings.of(config, redis_url=redis_url, run=run)
    targets = {"rollout": run_rollout_worker, "render": run_render_worker, "learner": run_learner_worker}
    return work_until_signal(functools.partial(targets[kind], settings), kind=kind, run=run)


def _load_student(folder: str, sha256: str) -> Student:
    # torch takes seconds to import, and the bootstrap round has no student: it need not wait for it.
    from potstill.policies.batched_inference import BatchedInference

    return BatchedInference.load(Path(folder), expected_sha256=sha256)


def _lease_keeper(settings: WorkerSettings, owner: str, *, kind: WorkerKind) -> LeaseKeeper:
    return open_lease_keeper(
        settings.redis_url, settings.run, kind=kind, owner=owner, lease_seconds=settings.lease_seconds
    )
