"""Ray, joined or started, in one way for everything that needs it."""

from __future__ import annotations

import logging
import math
import os
from typing import Any

import ray

from potstill.cluster.errors import RayStartError

#: Object store of a local Ray: our data live in files and in the processes that made them.
_OBJECT_STORE_BYTES = 80 * 2**20
_ATTEMPTS = 3
_LOG = logging.getLogger(__name__)


def start_ray(
    *, cpus: float, gpus: float | None = None, address: str | None = None, dashboard: bool = False
) -> str:
    """Join the Ray at ``address``, or start a small one on this machine that ends with this process.

    Args:
        cpus: Cores of a local Ray.
        gpus: GPUs of a local Ray; None for all that the machine has.
        address: Of a running cluster; None starts a local Ray.
        dashboard: Whether a local Ray has one, on loopback.

    Returns:
        Where the dashboard answers; empty without one.

    Raises:
        RayStartError: a local Ray did not come up in three attempts.
        ConnectionError: nobody answers at ``address``.
    """
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if address is not None:
        return _dashboard_of(ray.init(address=address, **quiet))
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            context = ray.init(
                address="local",
                num_cpus=max(1, math.ceil(cpus)),
                num_gpus=None if gpus is None else math.ceil(gpus),
                object_store_memory=_OBJECT_STORE_BYTES,
                include_dashboard=dashboard,
                dashboard_host="127.0.0.1",
                **quiet,
            )
        except Exception as error:  # Ray raises a bare Exception when its processes are slow to come up
            ray.shutdown()
            _LOG.warning("Ray did not start, attempt %d of %d: %s", attempt, _ATTEMPTS, error)
            last = error
        else:
            return _dashboard_of(context)
    raise RayStartError(
        f"Ray did not start in {_ATTEMPTS} attempts ({last}); the machine's load is {os.getloadavg()[0]:.1f} "
        "and what was begun is kept: give the command again when it is less busy"
    )


def _dashboard_of(context: Any) -> str:
    return f"http://{context.dashboard_url}" if context.dashboard_url else ""
