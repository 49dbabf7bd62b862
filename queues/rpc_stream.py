"""The two ends of streamed answers: numbered frames, an end that is said, an error that is said."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from potstill.queues.errors import RequestGoneError, RpcRemoteError, RpcTimeoutError
from potstill.queues.messages import Messages
from potstill.queues.payload_store import reply_scope, request_scope

#: Ids of streamed requests begin with it, so that a server needs no other sign.
STREAM_PREFIX = "stream."
#: Frames that may lie unread before ``StreamWriter.send`` blocks.
DEFAULT_WINDOW = 16


class ReplyStream(ABC):
    """The caller's end. Iterate over it, in one thread, in a ``with`` block::

        with client.stream({"scene": scene}, deadline_seconds=60) as frames:
            for frame in frames:
                ...

    The loop ends only when the server has said that it is the end. When a server dies in between, another one
    begins anew; frames already seen are passed over by their number. So the answer must follow from the request
    alone, as every answer here should.

    Args:
        request_id: Of the streamed request.
        deadline: Of the request, ``time.monotonic``.
        messages: Of the client.
    """

    def __init__(self, request_id: str, *, deadline: float, messages: Messages) -> None:
        self._request_id = request_id
        self._deadline = deadline
        self._messages = messages
        self._next_number = 0
        self._closed = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The frames in order.

        Raises:
            RpcTimeoutError: the deadline of the request passed before the end.
            RpcRemoteError: the server ended the stream with an error.
            MalformedMessageError: a frame that cannot be read.
        """
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
        """Read no more: a loop over the frames ends, and the server learns it with its next frame. May be repeated."""
        if not self._closed:
            self._closed = True
            self._call_off()
            self._messages.free(request_scope(self._request_id))
            self._messages.free(reply_scope(self._request_id))

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _next_frame(self) -> bytes:
        while True:
            remaining = self._deadline - time.monotonic()
            received = self._receive(remaining)
            if received is None:
                if remaining <= 0:
                    raise RpcTimeoutError(f"stream {self._request_id} did not end before its deadline")
                continue
            number, frame = received
            # A server that took over begins anew.
            if number == self._next_number:
                self._next_number += 1
                return frame

    @abstractmethod
    def _receive(self, patience: float) -> tuple[int, bytes] | None:
        """Number and bytes of the next frame; None if none came within ``patience`` seconds, or a part of them."""

    @abstractmethod
    def _call_off(self) -> None:
        """Take the request back."""


class StreamWriter(ABC):
    """The server's end of one streamed request. Every frame renews the lease on the request.

    Args:
        request_id: Of the streamed request.
        window: Frames that may lie unread.
        messages: Of the server.
    """

    def __init__(self, request_id: str, *, window: int, messages: Messages) -> None:
        if window < 1:
            raise ValueError(f"window must be at least 1: got {window}")
        self._request_id = request_id
        self._window = window
        self._messages = messages
        self._number = 0

    def send(self, body: Mapping[str, Any]) -> None:
        """Append a frame; blocks while too many lie unread, at most until the request's deadline.

        Raises:
            RequestGoneError: nobody wants the answer any more, or another server gives it: stop.
        """
        self._append({"body": body}, last=False)

    def end(self) -> None:
        """Say that the answer is complete.

        Raises:
            RequestGoneError: as in ``send``.
        """
        self._append({"end": True}, last=True)

    def fail(self, error: str) -> None:
        """Say that there is no more because of an error. No error if the caller is gone."""
        try:
            self._append({"error": error}, last=True)
        except RequestGoneError:
            pass  # nobody is left to be told

    def _append(self, message: Mapping[str, Any], *, last: bool) -> None:
        frame = self._messages.encode(message, scope=reply_scope(self._request_id))
        if not self._deliver(self._number, frame, last=last):
            raise RequestGoneError(
                f"request {self._request_id} has expired, was closed by its caller, or went to another server"
            )
        self._number += 1

    @abstractmethod
    def _deliver(self, number: int, frame: bytes, *, last: bool) -> bool:
        """Append a frame when there is room (the last one needs none); False if the request is gone."""
