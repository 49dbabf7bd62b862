"""The caller's end of a streamed answer on a Redis server."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from potstill.queues.errors import RpcRemoteError, RpcTimeoutError
from potstill.queues.lua_scripts import Command, script_command
from potstill.queues.messages import Messages
from potstill.queues.payload_store import reply_scope, request_scope
from potstill.queues.redis_connection import RedisConnection, block_seconds

_FRAMES_PER_READ = 64
_DOOR_KEPT_MS = 120_000


class RedisReplyStream:
    """``ReplyStream``: frames stay on the server until the reader asks for those after them, so that a lost
    connection loses none.

    Args:
        connection: Of the client.
        base: Beginning of the service's keys.
        request_id: Of the streamed request.
        deadline: Of the request, ``time.monotonic``.
        messages: Of the client.
    """

    def __init__(
        self, connection: RedisConnection, base: str, request_id: str, *, deadline: float, messages: Messages
    ) -> None:
        self._connection = connection
        self._base = base
        self._id = request_id
        self._deadline = deadline
        self._messages = messages
        self._read = deque[tuple[int, bytes]]()
        # Place of the newest frame read: delivery of the request, number within it.
        self._place = (0, -1)
        self._next_number = 0
        self._closed = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The frames in order; see ``ReplyStream``."""
        try:
            while not self._closed:
                frame = self._messages.take(self._next_frame())
                if "end" in frame:
                    return
                if "error" in frame:
                    raise RpcRemoteError(frame["error"])
                yield frame["body"]
        finally:
            self.close()

    def close(self) -> None:
        """Read no more; see ``ReplyStream.close``."""
        if not self._closed:
            self._closed = True
            self._connection.script("rpc_stream_close", self._base, self._id)
            self._messages.free(request_scope(self._id))
            self._messages.free(reply_scope(self._id))

    def __enter__(self) -> RedisReplyStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _next_frame(self) -> bytes:
        while True:
            while self._read:
                number, frame = self._read.popleft()
                # A server that took over begins anew.
                if number == self._next_number:
                    self._next_number += 1
                    return frame
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise RpcTimeoutError(f"stream {self._id} did not end before its deadline")
            self._fetch(remaining)

    def _fetch(self, remaining: float) -> None:
        delivery, number = self._place
        consumed = script_command(
            "rpc_stream_consumed", self._base, self._id, f"{delivery}-{number + 1}", _DOOR_KEPT_MS
        )
        block_ms = max(1, round(1000 * block_seconds(remaining)))
        last = f"{delivery}-{max(0, number)}"
        frames = self._base + "frames:" + self._id
        read: Command = (
            "XREAD", "COUNT", _FRAMES_PER_READ, "BLOCK", block_ms, "STREAMS", frames, last,
        )  # fmt: skip
        answer = self._connection.exchange(consumed, read)[-1]
        for name, fields in answer[0][1] if answer else []:
            delivery, number = map(int, name.split(b"-"))
            self._place = (delivery, number)
            self._read.append((number, fields[1]))
