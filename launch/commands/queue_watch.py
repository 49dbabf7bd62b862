"""``potstill queue watch``: the queue live on a terminal, or a line per change where there is none."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator

from potstill.launch.errors import BadInputError
from potstill.launch.queue_view import queue_line, queue_lines
from potstill.launch.run_queue import run_queue
from potstill.queues.queue_metrics import QueueMetrics


def run(arguments: Namespace) -> int:
    """Look until Ctrl-C, or as long as was asked."""
    every = _seconds("--every", arguments.every)
    duration = float("inf") if arguments.duration is None else _seconds("--for", arguments.duration)
    show = _show_live if sys.stdout.isatty() else _show_lines
    with run_queue(arguments) as (queue, _):
        show(_readings(queue.metrics, every, duration))
    return 0


def _readings(read: Callable[[], QueueMetrics], every: float, duration: float) -> Iterator[QueueMetrics]:
    end = time.monotonic() + duration
    while True:
        yield read()
        remaining = end - time.monotonic()
        if remaining <= 0:
            return
        time.sleep(min(every, remaining))


def _show_live(readings: Iterator[QueueMetrics]) -> None:
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False) as live:
        for metrics in readings:
            live.update(Text("\n".join(queue_lines(metrics))), refresh=True)


def _show_lines(readings: Iterator[QueueMetrics]) -> None:
    last = ""
    for metrics in readings:
        line = queue_line(metrics)
        if line != last:
            print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
        last = line


def _seconds(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.1 <= value <= 86_400.0:
        raise BadInputError(f"{option}: must be seconds in 0.1..86400: got {text!r}")
    return value
