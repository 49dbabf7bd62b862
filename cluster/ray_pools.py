"""Pools of workers as Ray actors: started, watched, restarted when they die, made larger and smaller."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import ray

from potstill.cluster.start_ray import start_ray

#: A pool that loses more than this many workers for each of its places within the window is broken, not unlucky.
#: The window leaves 12 s for a start that fails late; a task that kills its workers is given up after fewer.
MAX_DEATHS_PER_PLACE = 10
DEATH_WINDOW_SECONDS = 120.0

#: ``target(index, should_stop)`` works until ``should_stop()``; it must be importable by name in the worker.
WorkerTarget = Callable[[int, Callable[[], bool]], None]


class PoolBrokenError(RuntimeError):
    """The workers of a pool keep dying; the message names the pool and the last reason."""


@dataclass(frozen=True, kw_only=True)
class PoolSpec:
    """One pool: ``count`` identical workers."""

    name: str
    count: int
    target: WorkerTarget
    cpus: float = 1.0
    """CPU cores each worker reserves."""
    gpus: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that must be set before the worker imports its libraries."""


@dataclass(frozen=True, kw_only=True)
class Restart:
    """A worker that died and was replaced."""

    pool: str
    index: int
    reason: str


class RayPools:
    """Call order: ``start``, then ``supervise`` every second or so and ``resize`` at will, then ``stop``.

    Pools stop one after the other in the order of their specs: those that others wait for come last.
    """

    def __init__(self, specs: Sequence[PoolSpec], *, address: str | None, dashboard: bool) -> None:
        """``address`` of a running Ray cluster, or None for a Ray of our own that ends with us."""
        self._specs = {spec.name: spec for spec in specs}
        self._address = address
        self._dashboard = dashboard
        self._workers: dict[tuple[str, int], _Worker] = {}
        self._leaving: list[_Worker] = []
        self._deaths: dict[str, list[float]] = {spec.name: [] for spec in specs}
        self.dashboard_url = ""
        """Where the Ray dashboard answers; empty without one."""

    def start(self) -> None:
        """Start Ray (or join it) and every worker. Returns before the workers are ready.

        Raises:
            RayStartError: a local Ray did not come up.
        """
        cpus = sum(spec.cpus * spec.count for spec in self._specs.values())
        self.dashboard_url = start_ray(cpus=cpus, address=self._address, dashboard=self._dashboard)
        for spec in self._specs.values():
            for index in range(spec.count):
                self._workers[spec.name, index] = _Worker(spec, index)

    def size(self, pool: str) -> int:
        """How many workers the pool is to have."""
        return self._specs[pool].count

    def resize(self, pool: str, count: int) -> None:
        """Give a pool another number of workers, 1 or more. New ones start at once; on a cluster that is full they
        wait for a node. The last ones are let go: they give their leases back and end, at the latest with ``stop``.
        """
        spec = self._specs[pool]
        for index in range(count, spec.count):
            leaver = self._workers.pop((pool, index))
            leaver.leave()
            self._leaving.append(leaver)
        self._specs[pool] = dataclasses.replace(spec, count=count)
        # A Ray of our own was given as many cores as its pools had places; who comes later finds none free.
        newcomer = spec if self._address is not None else dataclasses.replace(spec, cpus=0.0)
        for index in range(spec.count, count):
            self._workers[pool, index] = _Worker(newcomer, index)

    def supervise(self) -> list[Restart]:
        """Replace dead workers, and see off those that were let go.

        Raises:
            PoolBrokenError: they die faster than they can work.
        """
        self._leaving = [worker for worker in self._leaving if not worker.has_left()]
        restarts = []
        for (pool, index), worker in list(self._workers.items()):
            reason = worker.death()
            if reason is None:
                continue
            restarts.append(Restart(pool=pool, index=index, reason=reason))
            self._check_crash_loop(self._specs[pool], reason)
            self._workers[pool, index] = _Worker(worker.spec, index)
        return restarts

    def pids(self, pool: str) -> list[int]:
        """Process ids of a pool's workers, in order."""
        refs = [worker.actor.pid.remote() for (name, _), worker in self._workers.items() if name == pool]
        return list(ray.get(refs, timeout=60))

    def stop(self, *, grace_seconds: float = 5.0) -> None:
        """Let workers give their leases back, then end them, and our own Ray. Harmless when repeated.

        Args:
            grace_seconds: for each pool; what still works after it is killed.
        """
        if not ray.is_initialized():
            return
        for name in self._specs:
            workers = [worker for (pool, _), worker in self._workers.items() if pool == name]
            workers += [worker for worker in self._leaving if worker.spec.name == name]
            for worker in workers:
                worker.actor.stop.remote()
            if workers:
                running = [worker.running for worker in workers]
                ray.wait(running, num_returns=len(running), timeout=grace_seconds)
            for worker in workers:
                ray.kill(worker.actor)
        self._workers.clear()
        self._leaving.clear()
        ray.shutdown()

    def _check_crash_loop(self, spec: PoolSpec, reason: str) -> None:
        now = time.monotonic()
        recent = [moment for moment in self._deaths[spec.name] if now - moment < DEATH_WINDOW_SECONDS]
        self._deaths[spec.name] = deaths = [*recent, now]
        if len(deaths) > MAX_DEATHS_PER_PLACE * spec.count:
            raise PoolBrokenError(
                f"workers of pool {spec.name!r} died {len(deaths)} times within {DEATH_WINDOW_SECONDS:g} s, "
                f"the last one because: {reason}"
            )


class _Worker:
    """One actor and the call that is its working life."""

    def __init__(self, spec: PoolSpec, index: int) -> None:
        self.spec = spec
        remote = cast(Any, _WorkerActor)  # ray's decorator hides its own methods from type checkers
        options = remote.options(
            num_cpus=spec.cpus,
            num_gpus=spec.gpus,
            max_concurrency=3,  # the working life, stop() and pid()
            runtime_env={"env_vars": dict(spec.environment)},
        )
        self.actor = options.remote(spec.target, index)
        self.running = self.actor.run.remote()
        self._arrival = self.actor.pid.remote()

    def leave(self) -> None:
        """Ask it to give back what it holds and to end; one that waits for a place in the cluster is called off."""
        arrived, _ = ray.wait([self._arrival], timeout=0)
        if arrived:
            self.actor.stop.remote()
        else:
            ray.kill(self.actor)

    def has_left(self) -> bool:
        """Whether it has ended; its process goes with that."""
        if self.death() is None:
            return False
        ray.kill(self.actor)
        return True

    def death(self) -> str | None:
        """Why the worker is no longer working, or None while it is."""
        done, _ = ray.wait([self.running], timeout=0)
        if not done:
            return None
        try:
            ray.get(self.running)
        except ray.exceptions.RayError as error:
            return str(error).strip().splitlines()[-1][:300]
        return "the worker returned"


@ray.remote(max_restarts=0)
class _WorkerActor:
    def __init__(self, target: WorkerTarget, index: int) -> None:
        self._target = target
        self._index = index
        self._stop = threading.Event()

    def run(self) -> None:
        self._target(self._index, self._stop.is_set)

    def stop(self) -> None:
        self._stop.set()

    def pid(self) -> int:
        return os.getpid()
