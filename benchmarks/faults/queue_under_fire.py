"""Workers, a runner and a server, and the faults that hit them while the tasks are being done."""

from __future__ import annotations

import json
import random
import signal
import statistics
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.chaos_runner import group_sizes
from faults.killable_redis import KillableRedis
from faults.result_folder import ResultFolder

HERE = Path(__file__).parent
#: Without progress for so long, something is stuck.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class FireConfig:
    """How much work, and how many faults."""

    tasks: int
    """All together; see ``chaos_runner.make_tasks``."""
    task_seconds: float
    """Mean length of one."""
    workers: int
    """Processes at any time; a dead one is replaced at once."""
    kills: int
    """``kill -9`` of a random worker."""
    stops: int
    """SIGSTOP of a random worker for 2.5 leases, then SIGCONT."""
    redis_kills: int
    """``kill -9`` of the server, which comes back on its append-only file after 0.2 to 1.5 s."""
    runner_restarts: int
    """``kill -9`` of the runner, which is started again."""
    lease_seconds: float
    """Of every lease."""
    seed: int = 0
    """Of the order of faults and their victims."""


class QueueUnderFire:
    """One run; the faults are spread evenly over the progress of the work, so that all of them hit.

    Args:
        folder: For everything: server, results, logs.
        config: What to do.
    """

    def __init__(self, folder: Path, config: FireConfig) -> None:
        self._folder = folder
        self._config = config
        self._rng = random.Random(config.seed)
        self._results = ResultFolder(folder / "results")
        self._run = f"fire-{uuid.uuid4().hex[:8]}"
        self._workers: list[_Worker] = []
        self._hits: list[tuple[float, Path]] = []
        self._waking: list[tuple[float, _Worker]] = []
        self._started = 0
        (folder / "logs").mkdir()

    def run(self) -> dict[str, Any]:
        """Do all tasks under all faults; returns the figures.

        Raises:
            RuntimeError: no progress for a minute, or the runner gave up.
        """
        began = time.monotonic()
        with KillableRedis(self._folder) as self._server:
            self._runner = self._start_runner()
            try:
                self._burn()
            finally:
                for process in [self._runner, *(worker.process for worker in self._workers)]:
                    process.kill()
                    process.wait()
        return self._figures(time.monotonic() - began)

    def _burn(self) -> None:
        config, work = self._config, group_sizes(self._config.tasks)["work"]
        faults = [self._kill] * config.kills + [self._stop] * config.stops
        faults += [self._kill_redis] * config.redis_kills + [self._kill_runner] * config.runner_restarts
        self._rng.shuffle(faults)
        hit, most, last_progress = 0, 0, time.monotonic()
        while self._runner.poll() is None:
            self._replace_dead()
            self._wake()
            done = len(self._results.names())
            if done > most:
                most, last_progress = done, time.monotonic()
            if time.monotonic() - last_progress > PATIENCE_SECONDS:
                raise RuntimeError(f"no progress for {PATIENCE_SECONDS} s: {done} of {work} tasks done")
            if hit < len(faults) and done >= work * (hit + 1) / (len(faults) + 1):
                faults[hit]()
                hit += 1
            time.sleep(0.02)
        if self._runner.returncode or hit < len(faults):
            raise RuntimeError(f"the runner ended with {self._runner.returncode} after {hit} faults")

    def _replace_dead(self) -> None:
        self._workers = [worker for worker in self._workers if worker.process.poll() is None]
        while len(self._workers) < self._config.workers:
            self._started += 1
            log = self._folder / "logs" / f"{self._started:04d}"
            words = (self._server.url, self._run, self._folder / "results", self._config.lease_seconds, log)
            self._workers.append(_Worker(process=_start("chaos_worker.py", words), log=log))

    def _wake(self) -> None:
        for moment, worker in list(self._waking):
            if time.monotonic() >= moment:
                worker.process.send_signal(signal.SIGCONT)
                worker.stopped = False
                self._waking.remove((moment, worker))

    def _kill(self) -> None:
        worker = self._rng.choice(self._workers)
        self._hits.append((time.time(), worker.log))
        worker.process.kill()

    def _stop(self) -> None:
        awake = [worker for worker in self._workers if not worker.stopped]
        worker = self._rng.choice(awake or self._workers)
        self._hits.append((time.time(), worker.log))
        worker.process.send_signal(signal.SIGSTOP)
        worker.stopped = True
        self._waking.append((time.monotonic() + 2.5 * self._config.lease_seconds, worker))

    def _kill_redis(self) -> None:
        self._server.kill()
        time.sleep(self._rng.uniform(0.2, 1.5))
        self._server.start()

    def _kill_runner(self) -> None:
        self._runner.kill()
        self._runner.wait()
        self._runner = self._start_runner()

    def _start_runner(self) -> subprocess.Popen[bytes]:
        config, target = self._config, self._folder / "ledger.json"
        words = (
            self._server.url,
            self._run,
            self._folder / "results",
            config.tasks,
            config.task_seconds,
            target,
        )
        return _start("chaos_runner.py", words)

    def _figures(self, seconds: float) -> dict[str, Any]:
        outcome = json.loads((self._folder / "ledger.json").read_text("utf-8"))
        ledgers, committed = outcome["ledgers"], outcome["committed"]
        total = {field: sum(ledger[field] for ledger in ledgers.values()) for field in ledgers["work"]}
        files = {name for name in self._results.names() if name.startswith("work.")}
        differing = sum(self._results.read(name).decode() != committed.get(name) for name in files)
        expected = group_sizes(self._config.tasks)
        leases, waits = self._lease_times()
        return {
            "ledger": total,
            "exact": total["submitted"]
            == total["done"] + total["dead"] + total["cancelled"]
            == sum(expected.values()),
            "lost": expected["work"] - len(files & committed.keys()),
            "duplicated": differing + max(0, ledgers["work"]["done"] - len(files)),
            "dead_are_the_poison": ledgers["poison"]["dead"] == expected["poison"] == total["dead"],
            "kills": self._config.kills + self._config.stops,
            "redis_kills": self._config.redis_kills,
            "runner_restarts": self._config.runner_restarts,
            "deliveries": leases,
            "hits_on_a_working_worker": len(waits),
            "kill_to_lease_p50_s": statistics.median(waits) if waits else None,
            "kill_to_lease_p99_s": sorted(waits)[int(0.99 * (len(waits) - 1))] if waits else None,
            "seconds": seconds,
        }

    def _lease_times(self) -> tuple[int, list[float]]:
        """How many deliveries there were, and the seconds from each hit to the next lease of what the victim held."""
        leases: dict[str, list[float]] = {}
        held: dict[Path, list[tuple[float, str, str]]] = {}
        for log in sorted((self._folder / "logs").iterdir()):
            rows = [line.split() for line in log.read_text("utf-8").splitlines()]
            held[log] = [(float(moment), word, name) for moment, word, name in rows]
            for moment, word, name in held[log]:
                if word == "lease":
                    leases.setdefault(name, []).append(moment)
        waits = []
        for hit, log in self._hits:
            before = [row for row in held.get(log, []) if row[0] <= hit]
            if before and before[-1][1] == "lease":
                later = [moment for moment in leases[before[-1][2]] if moment > hit]
                waits += [min(later) - hit] if later else []
        return sum(map(len, leases.values())), waits


@dataclass(kw_only=True)
class _Worker:
    process: subprocess.Popen[bytes]
    log: Path
    stopped: bool = False


def _start(script: str, words: tuple[Any, ...]) -> subprocess.Popen[bytes]:
    # What a killed worker's last breath says is of no interest.
    return subprocess.Popen([sys.executable, str(HERE / script), *map(str, words)], stderr=subprocess.DEVNULL)
