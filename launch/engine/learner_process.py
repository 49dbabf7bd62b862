"""The learner of every pipeline: one worker that trains what its queue asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from potstill.launch.engine.worker_process import open_lease_keeper, worker_name
from potstill.launch.keep_freed_memory import keep_freed_memory
from potstill.learners.learner_worker import LearnerWorker, Trainer
from potstill.queues.open_queue import open_queue


def run_learner(
    trainers: Mapping[str, Trainer],
    index: int,
    should_stop: Callable[[], bool],
    *,
    redis_url: str,
    run: str,
    lease_seconds: float,
    threads: int,
) -> None:
    """Train until ``should_stop``.

    Args:
        trainers: By kind of task.
        index: Of the worker in its pool.
        should_stop: Asked between reports.
        redis_url: Of the run's server.
        run: Its name there.
        lease_seconds: How long a lease holds without a heartbeat.
        threads: For torch.
    """
    keep_freed_memory()
    owner = worker_name("learner", index)
    with open_lease_keeper(
        redis_url, run, kind="learner", owner=owner, lease_seconds=lease_seconds
    ) as leases:
        LearnerWorker(
            queue=open_queue(redis_url, run),
            leases=leases,
            owner=owner,
            lease_seconds=lease_seconds,
            threads=threads,
            trainers=trainers,
        ).run(should_stop)
