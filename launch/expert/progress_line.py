"""Live progress of one expert: a line that redraws itself, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from potstill.launch.expert.config import BudgetConfig
from potstill.launch.reporting.duration_text import duration_text
from potstill.launch.reporting.report import success_of

#: Seconds between two plain lines of mere progress.
LINE_SECONDS = 5.0


class ProgressLine:
    """Shows a training's events; ``show`` each one, ``close`` at the end."""

    def __init__(
        self,
        budget: BudgetConfig,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._started = clock()
        self._last_line = float("-inf")
        self._text = "starting ..."
        self._evaluation = "not evaluated yet"
        self._console = Console(file=stream or sys.stderr)
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4, get_renderable=self._picture)
            self._live.start()

    def show(self, event: Mapping[str, Any]) -> None:
        """Take in one event and show it if it is time."""
        name = event["event"]
        if name == "evaluation_finished":
            self._evaluation = f"held-out {success_of(event)} at {event['env_steps']:,}"
        if name == "training_progress":
            self._text = self._progress(event)
            if self._clock() - self._last_line >= LINE_SECONDS:
                self._print(self._text)
        elif (milestone := _milestone(event)) is not None:
            self._print(milestone)

    def close(self) -> None:
        """Leave the last line on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _progress(self, event: Mapping[str, Any]) -> str:
        success = event["success_rate"]
        parts = [
            f"{event['env_steps']:,} of {self._budget.env_steps:,} env steps",
            f"{event['decisions_per_second']:.0f} decisions/s",
            f"{event['updates_per_second']:.0f} updates/s",
            f"training {'-' if success is None else f'{success:.2f}'}",
            self._evaluation,
            f"ETA at most {duration_text(self._seconds_left(event))}",
        ]
        return "  ".join(parts)

    def _seconds_left(self, event: Mapping[str, Any]) -> float:
        pace = event["env_steps"] / event["seconds"]
        left = max(0, self._budget.env_steps - event["env_steps"]) / pace
        if self._budget.minutes is None:
            return left
        return min(left, max(0.0, 60.0 * self._budget.minutes - event["seconds"]))

    def _print(self, text: str) -> None:
        line = f"[{duration_text(self._clock() - self._started)}] {text}"
        if self._live is None:
            self._last_line = self._clock()
            # Not through rich: it would wrap long lines at 80 columns.
            print(line, file=self._console.file, flush=True)
        elif text != self._text:
            self._live.console.print(line, highlight=False, soft_wrap=True)

    def _picture(self) -> Text:
        return Text(f"[{duration_text(self._clock() - self._started)}] {self._text}", no_wrap=False)


def _milestone(event: Mapping[str, Any]) -> str | None:
    name = event["event"]
    if name == "run_started":
        verb = f"resumed at {event['env_steps']:,}" if event["resumed"] else "started"
        return f"{verb}: {event['task']}, {event['robot']}, seed {event['seed']}"
    if name == "evaluation_finished":
        return f"held-out success {success_of(event)} at {event['env_steps']:,} env steps"
    if name == "rung_kept":
        return f"ladder: kept the expert of {event['env_steps']:,} env steps ({event['success_rate']:.2f})"
    if name == "training_finished":
        return f"trained: {event['reason']}"
    if name == "final_evaluation_finished":
        return f"final success {success_of(event)} (best checkpoint, goals of their own)"
    if name == "gate_applied":
        verdict = "passed" if event["passed"] else "NOT passed"
        return f"gate {event['threshold']:g} {verdict}: the expert is {event['expert']}"
    return str(event["message"]) if name in ("diverged", "warning") else None
