"""Live progress of many trials: a line for each that redraws itself, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from potstill.launch.expert.trials_plan import TrialsPlan
from potstill.launch.reporting.success_rate import SuccessRate

#: Seconds between two plain lines of one trial whose state does not change.
LINE_SECONDS = 15.0


class TrialsDisplay:
    """``show`` every change of a trial, ``close`` at the end."""

    def __init__(
        self,
        plan: TrialsPlan,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budgets = {trial.config.label: trial.config.budget.env_steps for trial in plan.trials}
        self._states = dict.fromkeys(self._budgets, "waiting")
        self._figures: dict[str, Mapping[str, Any]] = {label: {} for label in self._budgets}
        self._clock = clock
        self._started = clock()
        self._told = dict.fromkeys(self._budgets, float("-inf"))
        self._lock = threading.Lock()
        self._console = Console(file=stream or sys.stderr)
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=4)
            self._live.start()

    def show(self, label: str, state: str, figures: Mapping[str, Any]) -> None:
        """Take in what is new of a trial."""
        # Diverging is a trial's own way of finishing.
        state = "diverged" if figures.get("state") == "diverged" else state
        with self._lock:
            changed = state != self._states[label]
            self._states[label], self._figures[label] = state, figures
            now = self._clock()
            if self._live is None and (changed or now - self._told[label] >= LINE_SECONDS):
                self._told[label] = now
                line = "  ".join(self._cells(label))
                # Not through rich: it would wrap long lines at 80 columns.
                print(f"[{now - self._started:6.0f} s] {line}", file=self._console.file, flush=True)

    def close(self) -> None:
        """Leave the last picture on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _cells(self, label: str) -> tuple[str, ...]:
        figures = self._figures[label]
        steps, seconds = figures.get("env_steps", 0), figures.get("seconds", 0.0)
        pace = f"{steps / seconds:.0f} env steps/s" if steps and seconds else ""
        episodes = figures.get("eval_episodes", 0)
        best = SuccessRate(successes=figures.get("successes", 0), episodes=episodes)
        done = f"{steps:,} of {self._budgets[label]:,} env steps"
        return label, self._states[label], done, pace, f"best {best}", str(figures.get("error", ""))

    def _picture(self) -> Table:
        table = Table(box=None, padding=(0, 2), show_header=False)
        with self._lock:
            for label in self._budgets:
                table.add_row(*self._cells(label))
        return table
