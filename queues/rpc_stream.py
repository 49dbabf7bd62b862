"""The contract of streamed answers: numbered frames, an end that is said, an error that is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Protocol

#: Ids of streamed requests begin with it, so that a server needs no other sign.
STREAM_PREFIX = "stream."
#: Frames that may lie unread before ``StreamWriter.send`` blocks.
DEFAULT_WINDOW = 16


class ReplyStream(Protocol):
    """The caller's end. Iterate over it, in one thread, in a ``with`` block::

        with client.stream({"scene": scene}, deadline_seconds=60) as frames:
            for frame in frames:
                ...

    The loop ends only when the server has said that it is the end. When a server dies in between, another one
    begins anew; frames already seen are passed over by their number. So the answer must follow from the request
    alone, as every answer here should.
    """

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The frames in order.

        Raises:
            RpcTimeoutError: the deadline of the request passed before the end.
            RpcRemoteError: the server ended the stream with an error.
            MalformedMessageError: a frame that cannot be read.
        """

    def close(self) -> None:
        """Read no more; the server learns it with its next frame. May be repeated."""

    def __enter__(self) -> ReplyStream:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


class StreamWriter(Protocol):
    """The server's end of one streamed request. Every frame renews the lease on the request."""

    def send(self, body: Mapping[str, Any]) -> None:
        """Append a frame; blocks while too many lie unread, at most until the request's deadline.

        Raises:
            RequestGoneError: nobody wants the answer any more, or another server gives it: stop.
        """

    def end(self) -> None:
        """Say that the answer is complete.

        Raises:
            RequestGoneError: as in ``send``.
        """

    def fail(self, error: str) -> None:
        """Say that there is no more because of an error. No error if the caller is gone."""
