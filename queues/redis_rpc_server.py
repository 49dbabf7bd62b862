"""Remote calls through a Redis server, the serving side: requests of one service in a list, leased until answered."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from potstill.queues.errors import MalformedMessageError
from potstill.queues.lua_scripts import Command, script_command
from potstill.queues.messages import Messages
from potstill.queues.payload_store import PayloadStore, reply_scope
from potstill.queues.redis_connection import RedisConnection, block_seconds
from potstill.queues.redis_keys import RedisKeys
from potstill.queues.redis_stream_writer import RedisStreamWriter
from potstill.queues.rpc import RpcRequest, refuse_streamed
from potstill.queues.rpc_stream import DEFAULT_WINDOW

#: An inbox nobody reads (its client died) is forgotten after this.
INBOX_KEPT_SECONDS = 120.0


class RedisRpcServer:
    """``RpcServer``: a taken request is leased; unanswered, it is delivered again.

    Args:
        connection: From ``redis_connection.connect``.
        run: Names the key space.
        service: Which requests to take.
        redeliver_seconds: Longer than serving a batch takes; a slower server's requests are served twice
            (the first reply wins).
        payloads: As the clients have it.
    """

    def __init__(
        self,
        connection: RedisConnection,
        run: str,
        service: str,
        *,
        redeliver_seconds: float = 5.0,
        payloads: PayloadStore | None = None,
    ) -> None:
        if redeliver_seconds <= 0:
            raise ValueError(f"redeliver_seconds must be positive: got {redeliver_seconds}")
        self._connection = connection
        self._base = RedisKeys(run).service(service)
        self._redeliver_ms = round(redeliver_seconds * 1000)
        self._messages = Messages(payloads)

    def take(self, *, max_requests: int, wait_seconds: float) -> list[RpcRequest]:
        """Up to ``max_requests``, oldest first; see ``RpcServer.take``."""
        give_up = time.monotonic() + wait_seconds
        take = script_command("rpc_take", self._base, max_requests, self._redeliver_ms)
        event_ms, taken = self._connection.exchange(take)[0]
        while True:
            requests = self._requests(taken)
            remaining = give_up - time.monotonic()
            if requests or remaining <= 0:
                return requests
            # Redis holds the second command back until the first ends: waiting and taking are one round trip.
            block = ("BLPOP", self._base + "wake", block_seconds(remaining, event_ms))
            event_ms, taken = self._connection.exchange(block, take)[-1]

    def reply(self, request: RpcRequest, body: Mapping[str, Any]) -> None:
        """Answer; see ``RpcServer.reply``."""
        self.reply_many([(request, body)])

    def reply_error(self, request: RpcRequest, error: str) -> None:
        """Answer with an error frame."""
        if request.streamed:
            self.open_stream(request).fail(error)
        else:
            self._send([(request.id, {"id": request.id, "error": error})])

    def reply_many(
        self, answers: Sequence[tuple[RpcRequest, Mapping[str, Any]]], *, take: int = 0
    ) -> list[RpcRequest]:
        """Answer a batch, take the next; see ``RpcServer.reply_many``."""
        refuse_streamed(request for request, _ in answers)
        frames = [(request.id, {"id": request.id, "body": body}) for request, body in answers]
        if not take:
            self._send(frames)
            return []
        more = script_command("rpc_take", self._base, take, self._redeliver_ms)
        *_, (_, taken) = self._send(frames, more)
        return self._requests(taken)

    def open_stream(self, request: RpcRequest, *, window: int = DEFAULT_WINDOW) -> RedisStreamWriter:
        """Answer in frames; see ``RpcServer.open_stream``."""
        return RedisStreamWriter(
            self._connection,
            self._base,
            request,
            window=window,
            redeliver_ms=self._redeliver_ms,
            messages=self._messages,
        )

    def _send(self, frames: Sequence[tuple[str, dict[str, Any]]], *after: Command) -> list[Any]:
        """Deliver the frames; returns the answers, the last ones to the commands ``after``."""
        commands = list(after)
        if frames:
            flat = [
                part
                for request_id, frame in frames
                for part in (request_id, self._messages.encode(frame, scope=reply_scope(request_id)))
            ]
            kept_ms = round(INBOX_KEPT_SECONDS * 1000)
            commands.insert(0, script_command("rpc_reply", self._base, kept_ms, *flat))
        return self._connection.exchange(*commands) if commands else []

    def _requests(self, rows: Sequence[Any]) -> list[RpcRequest]:
        return [request for row in rows if (request := self._request(row)) is not None]

    def _request(self, row: Sequence[Any]) -> RpcRequest | None:
        name, body, deadline_ms, attempt, waited_ms = row
        request = RpcRequest(
            id=name.decode(),
            body={},
            deadline=deadline_ms / 1000,
            attempt=attempt,
            waited_seconds=waited_ms / 1000,
        )
        try:
            return replace(request, body=self._messages.decode(body))
        except MalformedMessageError as error:
            # No server could ever read it: its caller is told, and it does not come back.
            self.reply_error(request, f"request cannot be read: {error}")
            return None
