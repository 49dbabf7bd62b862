"""Ray for as long as it is needed: joined where there is one, else a small one of our own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from potstill.cluster.start_ray import start_ray


@contextmanager
def ray_session(*, cpus: float, gpus: float = 0.0, address: str | None = None) -> Iterator[None]:
    """A Ray that is there inside the block. One that was there before is left as it is.

    Args:
        cpus: Cores of a local Ray.
        gpus: GPUs of a local Ray.
        address: Of a running cluster; None starts a local Ray that ends with the block.

    Raises:
        RayStartError: a local Ray did not come up.
    """
    # RLlib's good advice is not for users of ours; errors pass.
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    start_ray(cpus=cpus, gpus=gpus, address=address)
    try:
        yield
    finally:
        ray.shutdown()
