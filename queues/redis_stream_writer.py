"""The server's end of a streamed answer on a Redis server."""

from __future__ import annotations

from potstill.queues.lua_scripts import Command, script_command
from potstill.queues.messages import Messages
from potstill.queues.redis_connection import MAX_BLOCK_SECONDS, RedisConnection, block_seconds
from potstill.queues.rpc import RpcRequest
from potstill.queues.rpc_stream import StreamWriter

#: Frames that nobody reads (the caller died) are forgotten after this.
FRAMES_KEPT_SECONDS = 120.0


class RedisStreamWriter(StreamWriter):
    """``StreamWriter``; made by ``RedisRpcServer.open_stream``.

    Args:
        connection: Of the server.
        base: Beginning of the service's keys.
        request: The streamed request.
        window: Frames that may lie unread.
        redeliver_ms: Without a frame for this long, the request goes to another server.
        messages: Of the server.
    """

    def __init__(
        self,
        connection: RedisConnection,
        base: str,
        request: RpcRequest,
        *,
        window: int,
        redeliver_ms: int,
        messages: Messages,
    ) -> None:
        super().__init__(request.id, window=window, messages=messages)
        self._connection = connection
        self._base = base
        self._attempt = request.attempt
        self._redeliver_ms = redeliver_ms

    def _deliver(self, number: int, frame: bytes, *, last: bool) -> bool:
        room = self._base + "frames_room:" + self._request_id
        # Woken or not, the lease on the request must be renewed in time.
        patience = min(MAX_BLOCK_SECONDS, self._redeliver_ms / 3000)
        append = script_command(
            "rpc_stream_send", self._base, self._request_id, self._attempt, number, frame,
            self._window, self._redeliver_ms, round(FRAMES_KEPT_SECONDS * 1000), int(last),
        )  # fmt: skip
        blocking: list[Command] = []
        # The request expires at its deadline: a caller that stopped reading blocks no server for ever.
        while (answer := self._connection.exchange(*blocking, append)[-1]) == b"full":
            blocking = [("BLMOVE", room, room, "LEFT", "RIGHT", block_seconds(patience))]
        return answer != b"gone"
