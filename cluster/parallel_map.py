"""The same function over many jobs, spread over the cores of a machine or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import ray

from potstill.cluster.ray_session import ray_session

Job = TypeVar("Job")
Result = TypeVar("Result")


def parallel_map(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int, address: str | None = None
) -> Iterator[Result]:
    """Call ``function`` with every job; results come as they are ready, in no fixed order.

    A job whose process dies is done again, up to 3 times. One worker without a cluster needs no Ray: it works
    in this process.

    Args:
        function: Importable by name in the workers; pure, as it may be called twice for a job.
        jobs: What to call it with; each goes through Ray's own serialisation.
        workers: Jobs at a time, at least 1; each reserves one core.
        address: Of a running Ray cluster; None starts a local Ray that ends with the iterator.

    Raises:
        ValueError: ``workers`` below 1.
        Exception: whatever ``function`` raised, with its traceback; the jobs that wait are dropped.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1: got {workers}")
    if workers == 1 and address is None:
        return map(function, jobs)
    return _on_ray(function, jobs, workers, address)


def _on_ray(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int, address: str | None
) -> Iterator[Result]:
    with ray_session(cpus=workers, address=address):
        remote = ray.remote(num_cpus=1, max_retries=3)(function)
        waiting = iter(jobs)
        running = [remote.remote(job) for job in islice(waiting, workers)]
        while running:
            ready, running = ray.wait(running, num_returns=1)
            running.extend(remote.remote(job) for job in islice(waiting, 1))
            yield ray.get(ready[0])
