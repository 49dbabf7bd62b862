"""The contract of what keeps large arrays outside of messages."""

from __future__ import annotations

from typing import Protocol

#: Smaller arrays travel inside the message.
DEFAULT_THRESHOLD_BYTES = 256 * 1024


def payload_scope(group: str) -> str:
    """The scope of everything that belongs to the tasks of a group."""
    return f"task.{group}"


def request_scope(request_id: str) -> str:
    """The scope of a remote call's request."""
    return f"call.{request_id}"


def reply_scope(request_id: str) -> str:
    """The scope of what answers a remote call."""
    return f"reply.{request_id}"


class PayloadStore(Protocol):
    """Large arrays lie here, and messages name them and their checksum, which ``codec`` verifies.

    Whoever gives a message away also frees what lies outside of it: a task queue when the task's group is
    forgotten or the run purged, a caller when it has its answer.
    """

    def write(self, scope: str, data: memoryview) -> tuple[str, int] | None:
        """Keep a copy of these bytes (a flat view of ``uint8``).

        Args:
            scope: What they are freed with; matches ``ID_PATTERN``.
            data: The bytes.

        Returns:
            Their name and xxh3-64, or None when they are so few that they belong into the message.
        """

    def read(self, name: str, size: int) -> memoryview:
        """The bytes of that name, read-only, not copied.

        Raises:
            PayloadMissingError: freed, or never here.
            MalformedMessageError: not a name, or not ``size`` bytes.
        """

    def take(self, name: str, size: int) -> memoryview:
        """``read``, and free them: they live as long as the view."""

    def free(self, scope: str) -> int:
        """Free everything of a scope that nobody has mapped; the rest when the views end. Returns how many."""

    def free_all(self) -> None:
        """Free everything."""
