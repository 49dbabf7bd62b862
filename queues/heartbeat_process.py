"""A worker's heartbeat in a process of its own, so that nothing the worker does can hold it up.

``LeaseKeeper`` starts ``python -m potstill.queues.heartbeat_process`` and talks to it in lines of JSON.
To it: first the setup ``{"url", "run", "owner", "facts", "lease_seconds"}``, then ``{"hold": {"id", "kind",
"group", "fence"}}``, ``{"drop": {"id", "fence"}}`` and ``{"facts": {...}}``. From it: ``{"ready": true}`` or
``{"error": "..."}``, then ``{"lost": {"id", "fence"}}``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from potstill.queues.errors import QueueUnavailableError
from potstill.queues.open_queue import open_queue
from potstill.queues.redis_task_queue import RedisTaskQueue
from potstill.queues.task import Lease, Task


class HeartbeatProcess:
    """Extends the leases of the worker that started it, while that worker lives and runs.

    Args:
        queue: Of the worker's run.
        setup: The first line.
        worker_pid: Whose leases these are.
    """

    def __init__(self, queue: RedisTaskQueue, setup: dict[str, Any], worker_pid: int) -> None:
        self._queue = queue
        self._owner = setup["owner"]
        self._facts: dict[str, Any] = setup["facts"]
        self._lease_seconds: float = setup["lease_seconds"]
        self._worker_pid = worker_pid
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()

    def run(self, lines: TextIO) -> None:
        """Beat three times per lease until the worker's end of the pipe closes."""
        threading.Thread(target=self._listen, args=(lines,), daemon=True).start()
        _say({"ready": True})
        while os.getppid() == self._worker_pid:
            # A stopped worker makes no progress: its tasks must go to others.
            if not _is_stopped(self._worker_pid):
                self._beat()
            time.sleep(self._lease_seconds / 3)

    def _beat(self) -> None:
        with self._lock:
            leases = list(self._held.values())
            facts = {**self._facts, "tasks": [lease.task.id for lease in leases]}
        try:
            held = self._queue.extend(leases, lease_seconds=self._lease_seconds)
            self._queue.publish_heartbeat(self._owner, facts, ttl_seconds=self._lease_seconds)
        except QueueUnavailableError:
            # The server may come back within the lease; if not, the next beat learns what was lost.
            return
        with self._lock:
            for lease, still in zip(leases, held, strict=True):
                if not still and self._held.get(lease.task.id) == lease:
                    del self._held[lease.task.id]
                    _say({"lost": {"id": lease.task.id, "fence": lease.fence}})

    def _listen(self, lines: TextIO) -> None:
        for line in lines:
            message = json.loads(line)
            with self._lock:
                if "hold" in message:
                    lease = self._lease(**message["hold"])
                    self._held[lease.task.id] = lease
                elif "drop" in message:
                    self._drop(**message["drop"])
                else:
                    self._facts |= message["facts"]
        # The worker is gone: not one more beat, whatever the main thread is doing.
        os._exit(0)

    def _drop(self, id: str, fence: int) -> None:
        if id in self._held and self._held[id].fence == fence:
            del self._held[id]

    def _lease(self, id: str, kind: str, group: str, fence: int) -> Lease:
        task = Task(id=id, kind=kind, group=group)
        return Lease(task=task, owner=self._owner, fence=fence, attempt=1, deadline=0.0)


def main() -> None:
    """Read the setup from stdin and beat."""
    # Ctrl-C is for the worker; this process ends when the worker does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker_pid = os.getppid()
    setup = json.loads(sys.stdin.readline())
    try:
        queue = open_queue(setup["url"], setup["run"], outage_seconds=setup["lease_seconds"])
    except (QueueUnavailableError, ValueError) as error:
        _say({"error": str(error)})
        return
    HeartbeatProcess(queue, setup, worker_pid).run(sys.stdin)


def _is_stopped(pid: int) -> bool:
    """Whether the process is stopped (SIGSTOP), traced or dead; False where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in "TtZX"


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
