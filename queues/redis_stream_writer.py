"""The server's end of a streamed answer on a Redis server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potstill.queues.errors import RequestGoneError
from potstill.queues.lua_scripts import Command, script_command
from potstill.queues.messages import Messages
from potstill.queues.payload_store import reply_scope
from potstill.queues.redis_connection import MAX_BLOCK_SECONDS, RedisConnection, block_seconds
from potstill.queues.rpc import RpcRequest

#: Frames that nobody reads (the caller died) are forgotten after this.
FRAMES_KEPT_SECONDS = 120.0


class RedisStreamWriter:
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
        if window < 1:
            raise ValueError(f"window must be at least 1: got {window}")
        self._connection = connection
        self._base = base
        self._request = request
        self._window = window
        self._redeliver_ms = redeliver_ms
        self._messages = messages
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

    def _append(self, frame: Mapping[str, Any], *, last: bool) -> None:
        room = self._base + "frames_room:" + self._request.id
        # Woken or not, the lease on the request must be renewed in time.
        patience = min(MAX_BLOCK_SECONDS, self._redeliver_ms / 3000)
        message = self._messages.encode(frame, scope=reply_scope(self._request.id))
        append = script_command(
            "rpc_stream_send", self._base, self._request.id, self._request.attempt, self._number, message,
            self._window, self._redeliver_ms, round(FRAMES_KEPT_SECONDS * 1000), int(last),
        )  # fmt: skip
        blocking: list[Command] = []
        # The request expires at its deadline: a caller that stopped reading blocks no server for ever.
        while (answer := self._connection.exchange(*blocking, append)[-1]) == b"full":
            blocking = [("BLMOVE", room, room, "LEFT", "RIGHT", block_seconds(patience))]
        if answer == b"gone":
            raise RequestGoneError(
                f"request {self._request.id} has expired, was closed by its caller, or went to another server"
            )
        self._number += 1
