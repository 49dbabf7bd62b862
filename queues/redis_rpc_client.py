"""Remote calls through a Redis server, the caller's side: one inbox a client, read by one thread for all that wait."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from potstill.queues.errors import MalformedMessageError, QueueFullError, RpcRemoteError, RpcTimeoutError
from potstill.queues.lua_scripts import Command, script_command
from potstill.queues.messages import Messages
from potstill.queues.payload_store import PayloadStore, request_scope
from potstill.queues.redis_connection import RedisConnection, block_seconds
from potstill.queues.redis_keys import RedisKeys
from potstill.queues.redis_reply_stream import RedisReplyStream
from potstill.queues.rpc import PendingReply
from potstill.queues.rpc_stream import STREAM_PREFIX

#: Replies fetched in one round trip, beyond the one waited for.
_REPLIES_PER_CALL = 64


class RedisRpcClient:
    """``RpcClient``: one round trip to submit, one to await; in any order, by any thread.

    The inbox's name is fixed before the first request, and a list exists as soon as something is pushed to
    it: a reply faster than its waiter stays there.

    Args:
        connection: From ``redis_connection.connect``.
        run: Names the key space.
        service: Whom to call.
        max_waiting: ``submit`` blocks while this many requests of the service wait; None: unbounded.
        payloads: Where large arrays go; None: everything must fit into the message.
    """

    def __init__(
        self,
        connection: RedisConnection,
        run: str,
        service: str,
        *,
        max_waiting: int | None = None,
        payloads: PayloadStore | None = None,
    ) -> None:
        if max_waiting is not None and max_waiting < 1:
            raise ValueError(f"max_waiting must be at least 1 or None: got {max_waiting}")
        self._connection = connection
        self._base = RedisKeys(run).service(service)
        self._max_waiting = max_waiting
        self._messages = Messages(payloads)
        self._inbox = f"{self._base}inbox:{uuid.uuid4().hex}"
        # Weak: a reply whose caller has dropped its end has nobody to wait for it.
        self._pending: WeakValueDictionary[str, _PendingReply] = WeakValueDictionary()
        # One thread reads the inbox for all that wait.
        self._changed = threading.Condition()
        self._reading = False

    def submit(
        self, body: Mapping[str, Any], *, deadline_seconds: float, before: PendingReply | None = None
    ) -> _PendingReply:
        """Send and return at once, or with the reply ``before`` it; see ``RpcClient.submit``."""
        wanted = isinstance(before, _PendingReply) and before.frame is None
        return self._submit(body, deadline_seconds, read=wanted)

    def call(self, body: Mapping[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        """Ask and wait, mostly in one round trip; see ``RpcClient.call``."""
        # Where there may be no room, nobody would answer while this thread waits.
        return self._submit(body, deadline_seconds, read=self._max_waiting is None).result()

    def stream(self, body: Mapping[str, Any], *, deadline_seconds: float) -> RedisReplyStream:
        """Ask for an answer of many frames; see ``RpcClient.stream``."""
        request_id = STREAM_PREFIX + uuid.uuid4().hex
        message = self._messages.encode(body, scope=request_scope(request_id))
        self._send(request_id, message, deadline_seconds)
        deadline = time.monotonic() + deadline_seconds
        return RedisReplyStream(
            self._connection, self._base, request_id, deadline=deadline, messages=self._messages
        )

    def close(self) -> None:
        """Drop the inbox; replies still to come expire unread."""
        self._connection.exchange(("DEL", self._inbox))

    def await_reply(self, pending: _PendingReply, until: float) -> None:
        """Read the inbox, or let another thread do it, until the reply is here or ``until`` (monotonic)."""
        while True:
            with self._changed:
                while self._reading and pending.frame is None and time.monotonic() < until:
                    self._changed.wait(until - time.monotonic())
                remaining = until - time.monotonic()
                if pending.frame is not None or remaining <= 0:
                    return
                self._reading = True
            frames: list[bytes] = []
            try:
                frames = self._read(remaining)
            finally:
                self._hand_over(frames)

    def give_up(self, request_id: str) -> None:
        """Free what a request without an answer left outside of its message."""
        self._messages.free(request_scope(request_id))

    def _submit(self, body: Mapping[str, Any], deadline_seconds: float, *, read: bool) -> _PendingReply:
        """Send; with ``read``, look for a reply in the same round trip unless another thread reads."""
        pending, message = self._prepare(body, deadline_seconds)
        if not (
            read and self._begin_reading() and self._send_and_read(pending.id, message, deadline_seconds)
        ):
            self._send(pending.id, message, deadline_seconds)
        return pending

    def _prepare(self, body: Mapping[str, Any], deadline_seconds: float) -> tuple[_PendingReply, bytes]:
        request_id = uuid.uuid4().hex
        message = self._messages.encode(body, scope=request_scope(request_id))
        pending = _PendingReply(self, request_id, time.monotonic() + deadline_seconds)
        with self._changed:
            self._pending[request_id] = pending
        return pending, message

    def _begin_reading(self) -> bool:
        """Become the thread that reads the inbox, unless another one does; ``_hand_over`` must follow."""
        with self._changed:
            alone = not self._reading
            self._reading = True
        return alone

    def _hand_over(self, frames: list[bytes]) -> None:
        """Deliver what this thread read, and let another one read."""
        with self._changed:
            self._reading = False
            self._deliver(frames)
            self._changed.notify_all()

    def _submit_command(self, request_id: str, message: bytes, remaining: float) -> Command:
        limit = -1 if self._max_waiting is None else self._max_waiting
        milliseconds = max(1, round(remaining * 1000))
        return script_command("rpc_submit", self._base, request_id, message, milliseconds, self._inbox, limit)

    def _send(self, request_id: str, message: bytes, deadline_seconds: float) -> None:
        room = self._base + "room"
        give_up = time.monotonic() + deadline_seconds
        remaining = deadline_seconds
        blocking: list[Command] = []
        while True:
            submit = self._submit_command(request_id, message, remaining)
            if self._connection.exchange(*blocking, submit)[-1] == b"ok":
                return
            remaining = give_up - time.monotonic()
            if remaining <= 0:
                raise QueueFullError(
                    f"request not accepted: {self._max_waiting} are waiting, the most allowed, "
                    f"after {deadline_seconds} s"
                )
            blocking = [("BLMOVE", room, room, "LEFT", "RIGHT", block_seconds(remaining))]

    def _send_and_read(self, request_id: str, message: bytes, deadline_seconds: float) -> bool:
        """Try to send, wait for a reply in the same round trip, and hand the inbox over; False: there was no room."""
        frames: list[bytes] = []
        try:
            submit = self._submit_command(request_id, message, deadline_seconds)
            block = ("BLPOP", self._inbox, block_seconds(deadline_seconds))
            sent, reply = self._connection.exchange(submit, block)
            frames = [reply[1]] if reply else []
        finally:
            self._hand_over(frames)
        return bool(sent == b"ok")

    def _read(self, remaining: float) -> list[bytes]:
        block = ("BLPOP", self._inbox, block_seconds(remaining))
        # While many are in flight their replies come in bursts: the second command takes the rest along.
        if len(self._pending) > 1:
            first, rest = self._connection.exchange(block, ("LPOP", self._inbox, _REPLIES_PER_CALL))
        else:
            first, rest = self._connection.exchange(block)[0], None
        return ([first[1]] if first else []) + (rest or [])

    def _deliver(self, frames: list[bytes]) -> None:
        for frame in frames:
            try:
                message = self._messages.take(frame)
            except MalformedMessageError:
                # It cannot say whose it is: that caller times out, the others of the burst get theirs.
                continue
            self._messages.free(request_scope(message["id"]))
            pending = self._pending.pop(message["id"], None)
            if pending is not None:
                pending.frame = message


class _PendingReply:
    """``PendingReply`` of the Redis client."""

    def __init__(self, client: RedisRpcClient, request_id: str, deadline: float) -> None:
        self._client = client
        self.id = request_id
        self._deadline = deadline
        self.frame: dict[str, Any] | None = None
        """The decoded reply, once it is here."""

    def result(self, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Block until the reply is here; see ``PendingReply.result``. May be called again."""
        until = self._deadline if timeout_seconds is None else time.monotonic() + timeout_seconds
        if self.frame is None:
            self._client.await_reply(self, until)
        if self.frame is None:
            if time.monotonic() >= self._deadline:
                self._client.give_up(self.id)
            raise RpcTimeoutError(f"no reply to request {self.id} in time")
        if "error" in self.frame:
            raise RpcRemoteError(self.frame["error"])
        return self.frame["body"]
