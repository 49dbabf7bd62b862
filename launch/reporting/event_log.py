"""The event log: one JSON object a line; every number of a report is recomputed from it."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from potstill.launch.errors import BadInputError


class EventLog:
    """Appends events to a file, each by one write, so that a reader never sees half a line in the middle.

    One process writes (the runner); any number read meanwhile.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open for appending; a torn last line that a killed writer left is cut off."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        _cut_torn_line(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, event: str, **facts: Any) -> dict[str, Any]:
        """Append one event with the unix ``time`` (seconds); returns it as a reader will see it.

        Numpy scalars and arrays become numbers and lists; NaN and infinities, which JSON lacks, become null.
        """
        record = _plain({"event": event, "time": self._clock(), **facts})
        line = json.dumps(record, allow_nan=False) + "\n"
        os.write(self._descriptor, line.encode())
        return record

    def close(self) -> None:
        """Flush to disk and close."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)


def read_events(path: Path) -> list[dict[str, Any]]:
    """All complete events, oldest first; a torn last line is left out.

    Raises:
        BadInputError: the file is missing, or a line within it is not an event.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from None
    events = []
    # Every complete line ends in a newline; what follows the last one was torn off by a crash.
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise BadInputError(f"{path}: line {number} is not an event; the file is damaged")
        events.append(event)
    return events


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with open(path, "r+b") as file:
        data = file.read()
        if data and not data.endswith(b"\n"):
            file.truncate(data.rfind(b"\n") + 1)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
