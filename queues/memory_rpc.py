"""Remote calls inside one process: twins of the Redis ends, for tests and single-process runs."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from potstill.queues.codec import decode, encode
from potstill.queues.errors import QueueFullError, RpcRemoteError, RpcTimeoutError
from potstill.queues.rpc import RpcRequest

_LONGEST_WAIT_SECONDS = 1.0


class MemoryRpcChannel:
    """What the Redis server is to the others: the requests of one service. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        """Seconds; decides what has expired."""
        self.changed = threading.Condition()
        """Guards the requests; notified at each change."""
        self.requests: dict[str, _Request] = {}
        """Submitted and not yet answered, oldest first."""


class MemoryRpcClient:
    """``RpcClient`` on a channel; ``submit`` blocks while ``max_waiting`` requests wait (None: unbounded)."""

    def __init__(self, channel: MemoryRpcChannel, *, max_waiting: int | None = None) -> None:
        if max_waiting is not None and max_waiting < 1:
            raise ValueError(f"max_waiting must be at least 1 or None: got {max_waiting}")
        self._channel = channel
        self._max_waiting = max_waiting

    def submit(self, body: Mapping[str, Any], *, deadline_seconds: float) -> _Request:
        """Send and return at once; see ``RpcClient.submit``."""
        now = self._channel.clock()
        request = _Request(
            id=uuid.uuid4().hex,
            body=encode(body),
            submitted=now,
            deadline=now + deadline_seconds,
            give_up=time.monotonic() + deadline_seconds,
            channel=self._channel,
        )
        with self._channel.changed:
            if not self._channel.changed.wait_for(self._has_room, deadline_seconds):
                raise QueueFullError(
                    f"request not accepted: {self._max_waiting} are waiting, the most allowed, "
                    f"after {deadline_seconds} s"
                )
            self._channel.requests[request.id] = request
            self._channel.changed.notify_all()
        return request

    def _has_room(self) -> bool:
        waiting = sum(request.attempt == 0 for request in self._channel.requests.values())
        return self._max_waiting is None or waiting < self._max_waiting

    def close(self) -> None:
        """Nothing to drop: replies live in their requests."""


class MemoryRpcServer:
    """``RpcServer`` on a channel; unanswered requests are delivered again after ``redeliver_seconds``."""

    def __init__(self, channel: MemoryRpcChannel, *, redeliver_seconds: float = 5.0) -> None:
        self._channel = channel
        self._redeliver_seconds = redeliver_seconds

    def take(self, *, max_requests: int, wait_seconds: float) -> list[RpcRequest]:
        """Up to ``max_requests``, oldest first; see ``RpcServer.take``."""
        give_up = time.monotonic() + wait_seconds
        with self._channel.changed:
            while True:
                now = self._channel.clock()
                self._drop_expired(now)
                ready = [request for request in self._channel.requests.values() if request.ready <= now]
                remaining = give_up - time.monotonic()
                if ready or remaining <= 0:
                    return [self._grant(request, now) for request in ready[:max_requests]]
                ahead = [request.ready - now for request in self._channel.requests.values()]
                self._channel.changed.wait(min(remaining, _LONGEST_WAIT_SECONDS, *ahead))

    def reply(self, request: RpcRequest, body: Mapping[str, Any]) -> None:
        """Answer; see ``RpcServer.reply``."""
        self._send(request.id, encode({"body": body}))

    def reply_error(self, request: RpcRequest, error: str) -> None:
        """Answer with an error frame."""
        self._send(request.id, encode({"error": error}))

    def reply_many(self, answers: Sequence[tuple[RpcRequest, Mapping[str, Any]]]) -> None:
        """Answer a batch."""
        for request, body in answers:
            self.reply(request, body)

    def _send(self, request_id: str, frame: bytes) -> None:
        with self._channel.changed:
            self._drop_expired(self._channel.clock())
            request = self._channel.requests.pop(request_id, None)
            if request is not None:
                request.frame = frame
                self._channel.changed.notify_all()

    def _grant(self, request: _Request, now: float) -> RpcRequest:
        request.attempt += 1
        request.ready = now + self._redeliver_seconds
        self._channel.changed.notify_all()
        return RpcRequest(
            id=request.id,
            body=decode(request.body),
            deadline=request.deadline,
            attempt=request.attempt,
            waited_seconds=now - request.submitted,
        )

    def _drop_expired(self, now: float) -> None:
        for request_id in [r.id for r in self._channel.requests.values() if r.deadline <= now]:
            del self._channel.requests[request_id]


@dataclass(kw_only=True, eq=False)
class _Request:
    """One request, and its caller's ``PendingReply``."""

    id: str
    body: bytes
    submitted: float
    deadline: float
    give_up: float
    channel: MemoryRpcChannel
    attempt: int = 0
    ready: float = 0.0
    frame: bytes | None = None

    def result(self, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Block until the reply is here; see ``PendingReply.result``. May be called again."""
        until = self.give_up if timeout_seconds is None else time.monotonic() + timeout_seconds
        with self.channel.changed:
            self.channel.changed.wait_for(lambda: self.frame is not None, max(0.0, until - time.monotonic()))
        if self.frame is None:
            raise RpcTimeoutError(f"no reply to request {self.id} in time")
        message = decode(self.frame)
        if "error" in message:
            raise RpcRemoteError(message["error"])
        return message["body"]
