"""One line of progress that redraws itself in a terminal, or plain lines where there is none."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from potstill.launch.reporting.duration_text import duration_text

#: Seconds between two plain lines of mere progress.
LINE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Line:
    """What an event says."""

    text: str
    milestone: bool = True
    """Stays on the screen; else the next line of progress takes its place."""


class LineDisplay:
    """Shows what ``describe`` makes of each event; ``show`` each one, ``close`` at the end."""

    def __init__(
        self,
        describe: Callable[[Mapping[str, Any]], Line | None],
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``describe`` returns None for an event that says nothing to people."""
        self._describe = describe
        self._clock = clock
        self._started = clock()
        self._last_line = float("-inf")
        self._text = "starting ..."
        self._console = Console(file=stream or sys.stderr)
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._picture)
            self._live.start()

    def show(self, event: Mapping[str, Any]) -> None:
        """Take in one event and show it if it is time."""
        line = self._describe(event)
        if line is None:
            return
        if not line.milestone:
            self._text = line.text
        if self._live is None:
            if line.milestone or self._clock() - self._last_line >= LINE_SECONDS:
                self._last_line = self._clock()
                # Not through rich: it would wrap long lines at 80 columns.
                print(self._stamped(line.text), file=self._console.file, flush=True)
        elif line.milestone:
            self._live.console.print(self._stamped(line.text), highlight=False, soft_wrap=True, markup=False)

    def close(self) -> None:
        """Leave the last line on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _stamped(self, text: str) -> str:
        return f"[{duration_text(self._clock() - self._started)}] {text}"

    def _picture(self) -> Text:
        return Text(self._stamped(self._text), no_wrap=False)
