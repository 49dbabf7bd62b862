"""The server's place in remote calls inside one process: the requests of one service."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from potstill.queues.errors import RpcRemoteError, RpcTimeoutError
from potstill.queues.messages import Messages
from potstill.queues.payload_store import PayloadStore, request_scope


class MemoryRpcChannel:
    """What the Redis server is to the others: the requests of one service. Threads may share it."""

    def __init__(
        self, clock: Callable[[], float] = time.time, *, payloads: PayloadStore | None = None
    ) -> None:
        self.clock = clock
        """Seconds; decides what has expired."""
        self.messages = Messages(payloads)
        """How requests and answers are written."""
        self.changed = threading.Condition()
        """Guards the requests; notified at each change."""
        self.requests: dict[str, MemoryRequest] = {}
        """Submitted and not yet answered, oldest first."""

    def drop_expired(self) -> None:
        """Forget the requests whose deadline has passed; to be called with ``changed`` held."""
        now = self.clock()
        for request_id in [request.id for request in self.requests.values() if request.deadline <= now]:
            del self.requests[request_id]


@dataclass(kw_only=True, eq=False)
class MemoryRequest:
    """One request as both ends share it; to a caller that awaits one reply, its ``PendingReply``."""

    id: str
    body: bytes
    submitted: float
    deadline: float
    give_up: float
    channel: MemoryRpcChannel
    attempt: int = 0
    ready: float = 0.0
    frame: bytes | None = None
    message: dict[str, Any] | None = None
    frames: list[tuple[int, bytes]] = field(default_factory=list)
    """Of a streamed answer: number and frame of what is unread."""

    def result(self, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Block until the reply is here; see ``PendingReply.result``. May be called again."""
        until = self.give_up if timeout_seconds is None else time.monotonic() + timeout_seconds
        with self.channel.changed:
            self.channel.changed.wait_for(lambda: self.frame is not None, max(0.0, until - time.monotonic()))
        if self.frame is None:
            raise RpcTimeoutError(f"no reply to request {self.id} in time")
        if self.message is None:
            self.message = self.channel.messages.take(self.frame)
            self.channel.messages.free(request_scope(self.id))
        if "error" in self.message:
            raise RpcRemoteError(self.message["error"])
        return self.message["body"]
