"""What every worker process of every pipeline needs, whatever it does: its environment, its name, its leases."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

from potstill.queues.lease_keeper import LeaseKeeper

#: Must be set before a worker imports its libraries: software OpenGL and BLAS each start a thread per core,
#: and the processes already use them all.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LP_NUM_THREADS": "0",
    "MUJOCO_GL": "egl",
    "PYOPENGL_PLATFORM": "egl",
}


def worker_name(kind: str, index: int) -> str:
    """Under which the worker leases: tells where it runs."""
    return f"{kind}-{index}-{socket.gethostname().lower()}-{os.getpid()}"


def open_lease_keeper(
    redis_url: str, run: str, *, kind: str, owner: str, lease_seconds: float
) -> LeaseKeeper:
    """Keeps a worker's leases alive and publishes who it is."""
    facts = {"kind": kind, "pid": os.getpid(), "host": socket.gethostname()}
    return LeaseKeeper(redis_url, run, lease_seconds=lease_seconds, owner=owner, facts=facts)


def work_until_signal(work: Callable[[int, Callable[[], bool]], None], *, kind: str, run: str) -> int:
    """One worker by hand, until SIGINT or SIGTERM; returns 0."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    print(
        f"potstill: {kind} worker of run {run} at work; Ctrl-C gives its tasks back and ends it", flush=True
    )
    work(os.getpid(), stop.is_set)
    return 0
