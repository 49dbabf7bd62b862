"""Messages of one run: small ones whole, of large ones the arrays outside (``PayloadStore``), if there is a place."""

from __future__ import annotations

from functools import partial
from typing import Any

from potstill.queues.codec import MAX_MESSAGE_BYTES, decode, encode
from potstill.queues.payload_store import PayloadStore


class Messages:
    """The codec with a place for what is too large for it.

    Args:
        payloads: That place; None: every message must fit.
        max_bytes: Of one message without what lies outside.
    """

    def __init__(self, payloads: PayloadStore | None = None, *, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._payloads = payloads
        self._max_bytes = max_bytes
        self._read = None if payloads is None else payloads.read
        self._take = None if payloads is None else payloads.take

    def encode(self, message: Any, *, scope: str) -> bytes:
        """Bytes of a message; see ``codec.encode``. Frees nothing when it fails: ``free`` the scope."""
        move_out = None if self._payloads is None else partial(self._payloads.write, scope)
        return encode(message, max_bytes=self._max_bytes, move_out=move_out)

    def decode(self, body: bytes) -> Any:
        """The message; see ``codec.decode``. It may be decoded again."""
        return decode(body, bring_in=self._read)

    def take(self, body: bytes) -> Any:
        """The message, which nobody else will read: what lies outside is freed with its arrays."""
        return decode(body, bring_in=self._take)

    def free(self, scope: str) -> None:
        """Free what lies outside of the messages of a scope."""
        if self._payloads is not None:
            self._payloads.free(scope)

    def free_all(self) -> None:
        """Free what lies outside of all messages."""
        if self._payloads is not None:
            self._payloads.free_all()
