"""Redis away for half a minute in the middle of the work: is anything lost, and how soon does work go on?

Worker threads acknowledge short tasks and answer calls while the server is stopped (its append-only file stays) and
started again. `--quick` stops it for 3 s, with the patience of the clients scaled likewise.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from dataclasses import dataclass, field

from measurement import print_measurement

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.open_queue import open_queue
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server

TASK_SECONDS = 0.05
WORKERS = 4
LEASE_SECONDS = 60.0


@dataclass
class Traffic:
    """Who works, and when each task and each call was done."""

    url: str
    patience: float
    stop: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def start(self) -> list[threading.Thread]:
        """Begin; the threads end when ``stop`` is set."""
        targets = [self._work] * WORKERS + [self._serve]
        threads = [threading.Thread(target=self._guarded, args=(target,)) for target in targets]
        for thread in threads:
            thread.start()
        return threads

    def _guarded(self, target) -> None:
        try:
            target()
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}")

    def _work(self) -> None:
        queue = open_queue(self.url, "outage", outage_seconds=self.patience)
        while not self.stop.is_set():
            for lease in queue.lease(["k"], owner="w", lease_seconds=LEASE_SECONDS, wait_seconds=0.5):
                time.sleep(TASK_SECONDS)
                queue.ack(lease)
                self.acknowledged.append(time.monotonic())

    def _serve(self) -> None:
        server = open_rpc_server(self.url, "outage", "render", outage_seconds=self.patience)
        while not self.stop.is_set():
            for request in server.take(max_requests=1, wait_seconds=0.5):
                time.sleep(TASK_SECONDS)
                server.reply(request, {})
                self.answered.append(time.monotonic())


def measure(outage: float, tasks: int, calls: int) -> dict[str, float]:
    from potstill.queues.task import Task

    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedRedis(directory)
        traffic = Traffic(server.url, patience=2 * outage)
        queue = open_queue(server.url, "outage", outage_seconds=2 * outage)
        client = open_rpc_client(server.url, "outage", "render", outage_seconds=2 * outage)
        queue.put([Task(id=f"t{n}", kind="k", group="g") for n in range(tasks)])
        pending = [client.submit({}, deadline_seconds=4 * outage + 60) for _ in range(calls)]
        threads = traffic.start()
        time.sleep(1.0)
        server.stop()
        stopped, before = time.monotonic(), len(traffic.acknowledged)
        time.sleep(outage)
        with EmbeddedRedis(directory):
            returned = time.monotonic()
            ledger = queue.gather("g", wait_seconds=outage + 120)
            replies = sum(reply.result() == {} for reply in pending)
            traffic.stop.set()
            for thread in threads:
                thread.join(10)
        if traffic.errors:
            raise SystemExit(f"a worker gave up: {traffic.errors[0]}")
        first = min(moment for moment in traffic.acknowledged if moment > returned)
    return {
        "outage_seconds": returned - stopped,
        "tasks_before_outage": before,
        "tasks_done": ledger.done,
        "lost": tasks - ledger.done,
        "refused_acknowledgements": ledger.duplicates,
        "calls_answered": replies,
        "calls_lost": calls - replies,
        "first_acknowledgement_after_seconds": first - returned,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 s instead of 30 s")
    outage = 3.0 if parser.parse_args().quick else 30.0
    print_measurement("queue_outage", measure(outage, tasks=200, calls=50), {})


if __name__ == "__main__":
    main()
