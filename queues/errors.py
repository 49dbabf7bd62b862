"""Every error the queue raises, under one root."""

from __future__ import annotations


class QueueError(Exception):
    """Root of the queue's errors."""


class LeaseLostError(QueueError):
    """The lease expired, was taken over or cancelled: the caller may not commit, extend or acknowledge."""


class QueueUnavailableError(QueueError):
    """The server cannot be reached, or refuses us; the message says which URL and what to do."""


class QueueFullError(QueueError):
    """A bounded queue stayed full for the whole wait."""


class MalformedMessageError(QueueError):
    """Bytes that are not a message of ours: truncated, corrupted, over-sized or of another version."""


class PayloadMissingError(MalformedMessageError):
    """A part of a message lay outside of it (``PayloadStore``) and is gone."""


class RpcTimeoutError(QueueError):
    """No reply before the deadline."""


class RpcRemoteError(QueueError):
    """The server answered with an error frame; the message carries its traceback."""


class RequestGoneError(QueueError):
    """A streamed request has expired, was closed by its caller, or went to another server: stop answering it."""
