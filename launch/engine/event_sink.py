"""Where a run says what happens."""

from __future__ import annotations

from typing import Any, Protocol


class EventSink(Protocol):
    """Takes events; ``RunReporter`` is the real one."""

    def write(self, event: str, **facts: Any) -> None:
        """Record one event."""
