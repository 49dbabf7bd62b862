"""Streamed answers inside one process: twins of the Redis ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

from potstill.queues.errors import RequestGoneError, RpcRemoteError, RpcTimeoutError
from potstill.queues.memory_rpc_channel import MemoryRequest, MemoryRpcChannel
from potstill.queues.payload_store import reply_scope, request_scope
from potstill.queues.rpc import RpcRequest

_LONGEST_WAIT_SECONDS = 0.2


class MemoryReplyStream:
    """``ReplyStream`` of a request on a channel."""

    def __init__(self, request: MemoryRequest) -> None:
        self._request = request
        self._channel = request.channel
        self._next_number = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The frames in order; see ``ReplyStream``."""
        try:
            while True:
                frame = self._channel.messages.take(self._next_frame())
                if "end" in frame:
                    return
                if "error" in frame:
                    raise RpcRemoteError(frame["error"])
                yield frame["body"]
        finally:
            self.close()

    def close(self) -> None:
        """Read no more; see ``ReplyStream.close``."""
        with self._channel.changed:
            self._channel.requests.pop(self._request.id, None)
            self._channel.changed.notify_all()
        self._channel.messages.free(request_scope(self._request.id))
        self._channel.messages.free(reply_scope(self._request.id))

    def __enter__(self) -> MemoryReplyStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next_frame(self) -> bytes:
        with self._channel.changed:
            while True:
                while self._request.frames:
                    number, frame = self._request.frames.pop(0)
                    self._channel.changed.notify_all()
                    # A server that took over begins anew.
                    if number == self._next_number:
                        self._next_number += 1
                        return frame
                remaining = self._request.give_up - time.monotonic()
                if remaining <= 0:
                    raise RpcTimeoutError(f"stream {self._request.id} did not end before its deadline")
                self._channel.changed.wait(remaining)


class MemoryStreamWriter:
    """``StreamWriter`` of a request on a channel; see ``RedisStreamWriter`` for the arguments."""

    def __init__(
        self, channel: MemoryRpcChannel, request: RpcRequest, *, window: int, redeliver_seconds: float
    ) -> None:
        if window < 1:
            raise ValueError(f"window must be at least 1: got {window}")
        self._channel = channel
        self._request = request
        self._window = window
        self._redeliver_seconds = redeliver_seconds
        self._number = 0

    def send(self, body: Mapping[str, Any]) -> None:
        """Append a frame; see ``StreamWriter.send``."""
        self._append({"body": body}, last=False)

    def end(self) -> None:
        """Say that the answer is complete; see ``StreamWriter.end``."""
        self._append({"end": True}, last=True)

    def fail(self, error: str) -> None:
        """Say that there is no more because of an error; see ``StreamWriter.fail``."""
        try:
            self._append({"error": error}, last=True)
        except RequestGoneError:
            pass  # nobody is left to be told

    def _append(self, message: Mapping[str, Any], *, last: bool) -> None:
        frame = self._channel.messages.encode(message, scope=reply_scope(self._request.id))
        with self._channel.changed:
            while True:
                request = self._renewed()
                if last or len(request.frames) < self._window:
                    break
                self._channel.changed.wait(min(_LONGEST_WAIT_SECONDS, self._redeliver_seconds / 3))
            request.frames.append((self._number, frame))
            self._number += 1
            if last:
                del self._channel.requests[request.id]
            self._channel.changed.notify_all()

    def _renewed(self) -> MemoryRequest:
        """The request, its lease renewed, if the answer is still wanted and still ours to give."""
        self._channel.drop_expired()
        request = self._channel.requests.get(self._request.id)
        if request is None or request.attempt != self._request.attempt:
            raise RequestGoneError(
                f"request {self._request.id} has expired, was closed by its caller, or went to another server"
            )
        request.ready = self._channel.clock() + self._redeliver_seconds
        return request
