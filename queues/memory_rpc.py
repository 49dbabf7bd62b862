"""Remote calls inside one process: twins of the Redis ends, for tests and single-process runs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from potstill.queues.errors import QueueFullError
from potstill.queues.memory_rpc_channel import MemoryRequest, MemoryRpcChannel
from potstill.queues.memory_rpc_stream import MemoryReplyStream, MemoryStreamWriter
from potstill.queues.payload_store import reply_scope, request_scope
from potstill.queues.rpc import PendingReply, RpcRequest, refuse_streamed
from potstill.queues.rpc_stream import DEFAULT_WINDOW, STREAM_PREFIX

_LONGEST_WAIT_SECONDS = 1.0


class MemoryRpcClient:
    """``RpcClient`` on a channel; ``submit`` blocks while ``max_waiting`` requests wait (None: unbounded)."""

    def __init__(self, channel: MemoryRpcChannel, *, max_waiting: int | None = None) -> None:
        if max_waiting is not None and max_waiting < 1:
            raise ValueError(f"max_waiting must be at least 1 or None: got {max_waiting}")
        self._channel = channel
        self._max_waiting = max_waiting

    def submit(
        self, body: Mapping[str, Any], *, deadline_seconds: float, before: PendingReply | None = None
    ) -> MemoryRequest:
        """Send and return at once: no round trip could be saved here; see ``RpcClient.submit``."""
        return self._send(uuid.uuid4().hex, body, deadline_seconds)

    def call(self, body: Mapping[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        """Ask and wait; see ``RpcClient.call``."""
        return self.submit(body, deadline_seconds=deadline_seconds).result()

    def stream(self, body: Mapping[str, Any], *, deadline_seconds: float) -> MemoryReplyStream:
        """Ask for an answer of many frames; see ``RpcClient.stream``."""
        return MemoryReplyStream(self._send(STREAM_PREFIX + uuid.uuid4().hex, body, deadline_seconds))

    def close(self) -> None:
        """Nothing to drop: replies live in their requests."""

    def _send(self, request_id: str, body: Mapping[str, Any], deadline_seconds: float) -> MemoryRequest:
        now = self._channel.clock()
        request = MemoryRequest(
            id=request_id,
            body=self._channel.messages.encode(body, scope=request_scope(request_id)),
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
                self._channel.drop_expired()
                ready = [request for request in self._channel.requests.values() if request.ready <= now]
                remaining = give_up - time.monotonic()
                if ready or remaining <= 0:
                    return [self._grant(request, now) for request in ready[:max_requests]]
                ahead = [request.ready - now for request in self._channel.requests.values()]
                self._channel.changed.wait(min(remaining, _LONGEST_WAIT_SECONDS, *ahead))

    def reply(self, request: RpcRequest, body: Mapping[str, Any]) -> None:
        """Answer; see ``RpcServer.reply``."""
        refuse_streamed([request])
        self._send(request.id, {"body": body})

    def reply_error(self, request: RpcRequest, error: str) -> None:
        """Answer with an error frame."""
        if request.streamed:
            self.open_stream(request).fail(error)
        else:
            self._send(request.id, {"error": error})

    def reply_many(
        self, answers: Sequence[tuple[RpcRequest, Mapping[str, Any]]], *, take: int = 0
    ) -> list[RpcRequest]:
        """Answer a batch, take the next; see ``RpcServer.reply_many``."""
        refuse_streamed(request for request, _ in answers)
        for request, body in answers:
            self.reply(request, body)
        return self.take(max_requests=take, wait_seconds=0.0) if take else []

    def open_stream(self, request: RpcRequest, *, window: int = DEFAULT_WINDOW) -> MemoryStreamWriter:
        """Answer in frames; see ``RpcServer.open_stream``."""
        return MemoryStreamWriter(
            self._channel, request, window=window, redeliver_seconds=self._redeliver_seconds
        )

    def _send(self, request_id: str, message: Mapping[str, Any]) -> None:
        frame = self._channel.messages.encode(message, scope=reply_scope(request_id))
        with self._channel.changed:
            self._channel.drop_expired()
            request = self._channel.requests.pop(request_id, None)
            if request is not None:
                request.frame = frame
                self._channel.changed.notify_all()

    def _grant(self, request: MemoryRequest, now: float) -> RpcRequest:
        request.attempt += 1
        request.ready = now + self._redeliver_seconds
        self._channel.changed.notify_all()
        return RpcRequest(
            id=request.id,
            body=self._channel.messages.decode(request.body),
            deadline=request.deadline,
            attempt=request.attempt,
            waited_seconds=now - request.submitted,
        )
