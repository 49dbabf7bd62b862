"""Live progress in the terminal: a table that redraws itself, or plain lines where there is no terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from potstill.launch.reporting.duration_text import duration_text
from potstill.launch.reporting.run_progress import RoundProgress, RunProgress

#: Seconds between two plain lines of the same stage.
LINE_SECONDS = 5.0
#: Events worth a plain line of their own at once.
_MILESTONES = frozenset(
    {
        "run_started",
        "dashboard_started",
        "round_started",
        "rollouts_finished",
        "training_finished",
        "evaluation_finished",
        "final_evaluation_finished",
        "look_evaluation_finished",
        "worker_restarted",
        "pool_resized",
        "warning",
        "run_finished",
    }
)


class ProgressDisplay:
    """Shows a run's events; ``show`` each one, ``close`` at the end."""

    def __init__(
        self, progress: RunProgress, *, stream: TextIO | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """``progress`` may already hold the history of a resumed run; ``show`` goes on from there."""
        self._progress = progress
        self._clock = clock
        self._started = clock()
        self._last_line = float("-inf")
        self._lock = threading.Lock()
        self._console = Console(file=stream or sys.stderr)
        self._live: Live | None = None
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._picture, console=self._console, refresh_per_second=4)
            self._live.start()

    def show(self, event: Mapping[str, Any]) -> None:
        """Take in one event and show it if it is time."""
        with self._lock:
            self._progress.update(event)
            if self._live is None:
                self._print_line(event)

    def close(self) -> None:
        """Leave the last picture on the screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print_line(self, event: Mapping[str, Any]) -> None:
        now = self._clock()
        milestone = event["event"] in _MILESTONES
        if not milestone and now - self._last_line < LINE_SECONDS:
            return
        line = _milestone_line(event, self._progress) if milestone else self._status_line()
        if line:
            self._last_line = now
            # Not through rich: it would wrap long lines at 80 columns.
            print(f"[{duration_text(now - self._started)}] {line}", file=self._console.file, flush=True)

    def _status_line(self) -> str:
        progress = self._progress
        parts = [f"round {progress.current_round}/{progress.last_round}", *_stage_facts(progress)]
        eta = progress.eta_seconds(self._clock())
        return "  ".join([*parts, f"ETA {duration_text(eta)}" if eta is not None else "ETA after round 0"])

    def _picture(self) -> Group:
        with self._lock:
            return self._draw()

    def _draw(self) -> Group:
        progress = self._progress
        eta = progress.eta_seconds(self._clock())
        head = Text.assemble(
            (f"{progress.recipe or 'potstill'} ", "bold"),
            f"{progress.task}   elapsed {duration_text(self._clock() - self._started)}",
            f"   ETA {duration_text(eta) if eta is not None else 'after round 0'}",
        )
        lines: list[Any] = [head, _round_table(progress)]
        if progress.dashboard_url:
            lines.append(Text(f"Ray dashboard: {progress.dashboard_url}", style="dim"))
        if progress.stage not in ("starting", "finished"):
            bar = ProgressBar(total=1.0, completed=progress.current.fraction, width=30)
            row = Table.grid(padding=(0, 2))
            row.add_row(bar, Text("  ".join(_stage_facts(progress))))
            lines.append(row)
        elif progress.stage == "starting":
            lines.append(Text("starting the queue and the workers ..."))
        if progress.worker_restarts:
            lines.append(Text(f"{progress.worker_restarts} worker restarts", style="yellow"))
        lines += [Text(f"warning: {message}", style="yellow") for message in progress.warnings[-3:]]
        if progress.final is not None:
            lines.append(Text(f"final success {progress.final}", style="bold green"))
        return Group(*lines)


def _round_table(progress: RunProgress) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for name in ("round", "phase", "rollouts", "frames", "loss", "validation", "success [95 % interval]"):
        table.add_column(name, justify="left" if name in ("phase", "success [95 % interval]") else "right")
    for known in progress.rounds.values():
        table.add_row(*_round_row(known), style="bold" if known.round == progress.current_round else "")
    return table


def _round_row(known: RoundProgress) -> tuple[str, ...]:
    return (
        str(known.round),
        known.phase,
        f"{known.rollouts_done}/{known.rollouts_requested}",
        f"{known.frames:,}",
        _number(known.loss),
        _number(known.validation_loss),
        "" if known.success is None else str(known.success),
    )


def _stage_facts(progress: RunProgress) -> list[str]:
    current, known = progress.current, progress.rounds.get(progress.current_round)
    if progress.stage == "rollouts":
        return [
            f"rollouts {current.done:.0f}/{current.requested:.0f}",
            f"{progress.frames_per_second:.0f} frames/s",
            f"queue {progress.waiting} waiting, {progress.leased} at work",
        ]
    if progress.stage == "training":
        loss = "" if known is None else _number(known.loss)
        facts = [f"training {current.fraction:.0%}", f"{progress.samples_per_second:.0f} samples/s"]
        return [*facts, f"loss {loss}"] if loss else facts
    if progress.stage == "evaluation":
        return [f"evaluation {current.done:.0f}/{current.requested:.0f}"]
    return [progress.stage]


def _milestone_line(event: Mapping[str, Any], progress: RunProgress) -> str:
    name, known = event["event"], progress.rounds.get(event.get("round", -1))
    if name == "run_started":
        return f"{'resumed' if event.get('resumed') else 'started'} {event['recipe']} on {event['task']}"
    if name == "dashboard_started":
        return f"Ray dashboard: {event['url']}"
    if name == "worker_restarted":
        return f"a {event['pool']} worker was restarted: {event['reason']}"
    if name == "pool_resized":
        return f"{event['pool']} workers: {event['before']} -> {event['after']}"
    if name == "warning":
        return f"warning: {event['message']}"
    if name == "run_finished":
        return (
            f"finished: best round {event['best_round']}, final success {progress.final or 'not evaluated'}"
        )
    if name == "final_evaluation_finished":
        return f"final success {progress.final}"
    if name == "look_evaluation_finished":
        return f"final success, {event['look']}: {progress.final_looks[event['look']]}"
    assert known is not None
    losses = f"loss {_number(known.loss) or 'unknown'}"
    losses += f", validation {_number(known.validation_loss)}" if known.validation_loss is not None else ""
    text = {
        "round_started": f"{known.phase}, {known.rollouts_requested} rollouts asked",
        "rollouts_finished": f"{known.rollouts_done} rollouts, {known.frames} frames",
        "training_finished": f"trained: {losses}",
        "evaluation_finished": f"success {known.success}",
    }[name]
    return f"round {known.round}/{progress.last_round}  {text}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
