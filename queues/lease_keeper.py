"""Keeps a worker's leases alive from a small process beside it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from potstill.queues.errors import QueueUnavailableError
from potstill.queues.task import Lease

_START_SECONDS = 30.0
_STOP_SECONDS = 2.0


class LeaseKeeper:
    """Extends the held leases every third of a lease, and says that the worker lives.

    The heart beats in its own process: a C call that holds the GIL for minutes costs no lease. It stops when
    the worker dies (the pipe closes) or is stopped (SIGSTOP), so that others take over within the lease.

    ::

        with LeaseKeeper(url, run, lease_seconds=30, owner=owner, facts={"kind": "rollout"}) as keeper:
            keeper.hold(lease)
            ...                                 # now and then: if lease.task.id in keeper.lost(): give up
            keeper.drop(lease)                  # before acknowledging

    Args:
        url: Of the Redis server. It reaches the process through a pipe: no password in ``ps``.
        run: The run of the leases.
        lease_seconds: What the leases were taken with; positive.
        owner: As in ``TaskQueue.lease``.
        facts: Of the heartbeat; JSON values. ``tasks`` (ids held) is added.

    Raises:
        QueueUnavailableError: the process cannot reach the server.
    """

    def __init__(
        self, url: str, run: str, *, lease_seconds: float, owner: str, facts: Mapping[str, Any]
    ) -> None:
        if lease_seconds <= 0:
            raise ValueError(f"lease_seconds must be positive: got {lease_seconds}")
        self._held: dict[str, Lease] = {}
        self._lost: set[str] = set()
        self._unread = b""
        # -P: nothing in the working directory may shadow a library.
        command = [sys.executable, "-P", "-m", "potstill.queues.heartbeat_process"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        # Popen makes both when asked for pipes; the types cannot know.
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to_heart, self._from_heart = self._process.stdin, self._process.stdout
        os.set_blocking(self._from_heart.fileno(), False)
        setup = {"url": url, "run": run, "owner": owner, "lease_seconds": lease_seconds, "facts": dict(facts)}
        try:
            self._tell(setup)
            self._await_ready()
        except BaseException:
            self.close()
            raise

    def hold(self, lease: Lease) -> None:
        """Extend this lease from now on.

        Raises:
            QueueUnavailableError: the heartbeat process has died; make a new keeper.
        """
        self._held[lease.task.id] = lease
        self._lost.discard(lease.task.id)
        task = lease.task
        self._tell({"hold": {"id": task.id, "kind": task.kind, "group": task.group, "fence": lease.fence}})

    def drop(self, lease: Lease) -> None:
        """Extend it no more; harmless when it is not held."""
        if self._held.get(lease.task.id) == lease:
            del self._held[lease.task.id]
            self._lost.discard(lease.task.id)
            self._tell({"drop": {"id": lease.task.id, "fence": lease.fence}})

    def report(self, facts: Mapping[str, Any]) -> None:
        """Change facts of the heartbeat, e.g. rates."""
        self._tell({"facts": dict(facts)})

    def lost(self) -> frozenset[str]:
        """Ids of the held tasks whose lease is gone: stop working on them. Costs a system call.

        All of them when the heartbeat process has died, since nobody extends them.
        """
        for message in self._messages():
            lost = message["lost"]
            lease = self._held.get(lost["id"])
            if lease is not None and lease.fence == lost["fence"]:
                self._lost.add(lost["id"])
        return frozenset(self._held) if self._process.poll() is not None else frozenset(self._lost)

    def close(self) -> None:
        """End the heartbeat; leases still held will expire. May be repeated."""
        self._to_heart.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._from_heart.close()

    def __enter__(self) -> LeaseKeeper:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _await_ready(self) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while True:
            readable, _, _ = select.select([self._from_heart], [], [], max(0.0, give_up - time.monotonic()))
            message = next(iter(self._messages()), None)
            if message is not None:
                break
            if not readable or self._process.poll() is not None:
                raise QueueUnavailableError(f"the heartbeat process did not start within {_START_SECONDS} s")
        if "error" in message:
            raise QueueUnavailableError(message["error"])

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._to_heart.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            raise QueueUnavailableError("the heartbeat process has died: its leases will expire") from None

    def _messages(self) -> list[dict[str, Any]]:
        """The complete lines that have arrived."""
        while chunk := self._from_heart.read(65536):
            self._unread += chunk
        *lines, self._unread = self._unread.split(b"\n")
        return [json.loads(line) for line in lines]
