"""The caller's end of a streamed answer on a Redis server."""

from __future__ import annotations

from collections import deque

from potstill.queues.lua_scripts import Command, script_command
from potstill.queues.messages import Messages
from potstill.queues.redis_connection import RedisConnection, block_seconds
from potstill.queues.rpc_stream import ReplyStream

_FRAMES_PER_READ = 64
_DOOR_KEPT_MS = 120_000


class RedisReplyStream(ReplyStream):
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
        super().__init__(request_id, deadline=deadline, messages=messages)
        self._connection = connection
        self._base = base
        self._read = deque[tuple[int, bytes]]()
        # Place of the newest frame read: delivery of the request, number within it.
        self._place = (0, -1)

    def _receive(self, patience: float) -> tuple[int, bytes] | None:
        if not self._read and patience > 0:
            self._fetch(patience)
        return self._read.popleft() if self._read else None

    def _call_off(self) -> None:
        self._connection.script("rpc_stream_close", self._base, self._request_id)

    def _fetch(self, patience: float) -> None:
        delivery, number = self._place
        consumed = script_command(
            "rpc_stream_consumed", self._base, self._request_id, f"{delivery}-{number + 1}", _DOOR_KEPT_MS
        )
        block_ms = max(1, round(1000 * block_seconds(patience)))
        last = f"{delivery}-{max(0, number)}"
        frames = self._base + "frames:" + self._request_id
        read: Command = (
            "XREAD", "COUNT", _FRAMES_PER_READ, "BLOCK", block_ms, "STREAMS", frames, last,
        )  # fmt: skip
        answer = self._connection.exchange(consumed, read)[-1]
        for name, fields in answer[0][1] if answer else []:
            delivery, number = map(int, name.split(b"-"))
            self._place = (delivery, number)
            self._read.append((number, fields[1]))
