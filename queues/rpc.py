"""The contract of remote calls: requests wait in a list, replies come back on a private channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from potstill.queues.rpc_stream import DEFAULT_WINDOW, STREAM_PREFIX, ReplyStream, StreamWriter


@dataclass(frozen=True, kw_only=True)
class RpcRequest:
    """One request as a server sees it."""

    id: str
    body: Mapping[str, Any]
    deadline: float
    """Server time (seconds); an expired request is never handed out."""
    attempt: int
    """1 for the first delivery; a request whose server died is delivered again."""
    waited_seconds: float = 0.0
    """From submission to this delivery, by the server's clock."""

    @property
    def streamed(self) -> bool:
        """Whether the caller expects frames (``RpcServer.open_stream``) instead of one reply."""
        return self.id.startswith(STREAM_PREFIX)


def refuse_streamed(requests: Iterable[RpcRequest]) -> None:
    """Raise ``ValueError`` for a request that one reply would not answer."""
    for request in requests:
        if request.streamed:
            raise ValueError(f"request {request.id} wants a stream: answer it with open_stream")


class PendingReply(Protocol):
    """The caller's end of one request in flight."""

    def result(self, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Block until the reply is here (default: until the request's deadline).

        Raises:
            RpcTimeoutError: no reply in time.
            RpcRemoteError: the server answered with an error frame.
        """


class RpcClient(Protocol):
    """Sends requests of one service, e.g. ``render``. The reply channel exists before the request is visible,
    so a reply faster than its waiter is never lost.
    """

    def submit(
        self, body: Mapping[str, Any], *, deadline_seconds: float, before: PendingReply | None = None
    ) -> PendingReply:
        """Send and return at once; many requests may be in flight.

        A bounded client first waits for room while too many requests of the service wait.

        Args:
            body: The request.
            deadline_seconds: For the reply; the request is forgotten then.
            before: An earlier request of this client whose reply the caller wants next. It is awaited here (for a
                second at most), since sending and awaiting together cost one round trip instead of two.

        Raises:
            QueueFullError: no room before the deadline.
        """

    def call(self, body: Mapping[str, Any], *, deadline_seconds: float) -> dict[str, Any]:
        """``submit`` and wait for the result, for less than the two cost.

        Raises:
            QueueFullError: as in ``submit``.
            RpcTimeoutError: no reply in time.
            RpcRemoteError: the server answered with an error frame.
        """

    def stream(self, body: Mapping[str, Any], *, deadline_seconds: float) -> ReplyStream:
        """Ask for an answer of many frames.

        Raises:
            QueueFullError: as in ``submit``.
        """

    def close(self) -> None:
        """Drop the reply channels."""


class RpcServer(Protocol):
    """Takes requests of one service and answers them; a dead server's requests go to the next one."""

    def take(self, *, max_requests: int, wait_seconds: float) -> list[RpcRequest]:
        """Up to ``max_requests`` unexpired requests, oldest first; blocks for the first one."""

    def reply(self, request: RpcRequest, body: Mapping[str, Any]) -> None:
        """Answer; the first answer to a request wins, later ones are dropped.

        Raises:
            ValueError: the caller expects a stream.
        """

    def reply_error(self, request: RpcRequest, error: str) -> None:
        """Answer with an error frame."""

    def reply_many(
        self, answers: Sequence[tuple[RpcRequest, Mapping[str, Any]]], *, take: int = 0
    ) -> list[RpcRequest]:
        """Answer a batch in one round trip, and ``take`` up to so many requests that wait already along with it."""

    def open_stream(self, request: RpcRequest, *, window: int = DEFAULT_WINDOW) -> StreamWriter:
        """Answer in frames; ``send`` blocks while ``window`` of them lie unread.

        Raises:
            ValueError: a window below 1.
        """
