"""Streamed answers inside one process: twins of the Redis ends."""

from __future__ import annotations

from potstill.queues.memory_rpc_channel import MemoryRequest, MemoryRpcChannel
from potstill.queues.rpc import RpcRequest
from potstill.queues.rpc_stream import ReplyStream, StreamWriter

_LONGEST_WAIT_SECONDS = 0.2


class MemoryReplyStream(ReplyStream):
    """``ReplyStream`` of a request on a channel."""

    def __init__(self, request: MemoryRequest) -> None:
        super().__init__(request.id, deadline=request.give_up, messages=request.channel.messages)
        self._request = request
        self._channel = request.channel

    def _receive(self, patience: float) -> tuple[int, bytes] | None:
        with self._channel.changed:
            if not self._request.frames and patience > 0:
                self._channel.changed.wait(patience)
            if not self._request.frames:
                return None
            self._channel.changed.notify_all()
            return self._request.frames.pop(0)

    def _call_off(self) -> None:
        with self._channel.changed:
            self._channel.requests.pop(self._request_id, None)
            self._channel.changed.notify_all()


class MemoryStreamWriter(StreamWriter):
    """``StreamWriter`` of a request on a channel; see ``RedisStreamWriter`` for the arguments."""

    def __init__(
        self, channel: MemoryRpcChannel, request: RpcRequest, *, window: int, redeliver_seconds: float
    ) -> None:
        super().__init__(request.id, window=window, messages=channel.messages)
        self._channel = channel
        self._attempt = request.attempt
        self._redeliver_seconds = redeliver_seconds

    def _deliver(self, number: int, frame: bytes, *, last: bool) -> bool:
        with self._channel.changed:
            while (request := self._renewed()) is not None:
                if last or len(request.frames) < self._window:
                    request.frames.append((number, frame))
                    if last:
                        del self._channel.requests[request.id]
                    self._channel.changed.notify_all()
                    return True
                self._channel.changed.wait(min(_LONGEST_WAIT_SECONDS, self._redeliver_seconds / 3))
        return False

    def _renewed(self) -> MemoryRequest | None:
        """The request, its lease renewed, if the answer is still wanted and still ours to give."""
        self._channel.drop_expired()
        request = self._channel.requests.get(self._request_id)
        if request is None or request.attempt != self._attempt:
            return None
        request.ready = self._channel.clock() + self._redeliver_seconds
        return request
