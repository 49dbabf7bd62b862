"""Ray for as long as it is needed: joined where there is one, else a small one of our own."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

#: Object store of a local Ray: our data live in files and in the processes that made them.
_OBJECT_STORE_BYTES = 80 * 2**20


@contextmanager
def ray_session(*, cpus: float, gpus: float = 0.0, address: str | None = None) -> Iterator[None]:
    """A Ray that is there inside the block. One that was there before is left as it is.

    Args:
        cpus: Cores of a local Ray.
        gpus: GPUs of a local Ray.
        address: Of a running cluster; None starts a local Ray that ends with the block.
    """
    # RLlib's good advice is not for users of ours; errors pass.
    logging.getLogger("ray.rllib").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address is not None:
        ray.init(address=address, **quiet)
    else:
        ray.init(
            address="local",
            num_cpus=max(1, math.ceil(cpus)),
            num_gpus=math.ceil(gpus),
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=False,
            **quiet,
        )
    try:
        yield
    finally:
        ray.shutdown()
