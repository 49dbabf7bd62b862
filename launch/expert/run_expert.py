"""Trains one expert in this process, from the command line's point of view: signals, Ray, the ending."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from potstill.cluster.ray_session import ray_session
from potstill.launch.errors import FinishedShortError, RunFailedError
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.expert_session import ExpertSession
from potstill.launch.expert.finished_result import finished_result
from potstill.launch.expert.progress_line import ProgressLine
from potstill.launch.reporting.line_display import LineDisplay
from potstill.launch.reporting.rate_text import rate_text


def run_expert(config: ExpertConfig, path: Path) -> int:
    """Train until the budget is used up or the expert is good enough; a finished run is only reported again.

    Returns:
        The exit code 0.

    Raises:
        FinishedShortError: the expert did not pass the quality gate.
        RunFailedError: training diverged.
        KeyboardInterrupt: SIGINT or SIGTERM; a checkpoint was written, the run can be resumed.
    """
    if finished_result(path) is None:
        _train(config, path)
    result = finished_result(path)
    assert result is not None
    where = f"{path / 'report.html'}"
    if result["state"] == "diverged":
        raise RunFailedError(f"training diverged (see {where}); the expert is {result['expert']}")
    if not result["gate_passed"]:
        raise FinishedShortError(
            f"success {rate_text(result)} is below the gate's {result['gate_threshold']:g}: "
            f"the expert is {result['expert']} (see {where})"
        )
    print(f"success {rate_text(result)} on held-out goals; expert: {path / 'expert'}; report: {where}")
    return 0


def _train(config: ExpertConfig, path: Path) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine unasked
    resources = config.resources
    line = LineDisplay(ProgressLine(config.budget))
    with (
        ray_session(cpus=1 + resources.env_runners, gpus=resources.learner_gpus),
        _asked_to_stop() as stop,  # after Ray, which puts handlers of its own
    ):
        session = ExpertSession(config, path, displays=[line], should_stop=stop.is_set)
        try:
            while session.state == "training" and not stop.is_set():
                session.advance()
        finally:
            session.close()
        if session.state == "training":
            raise KeyboardInterrupt


class _Stop:
    """Whether SIGINT or SIGTERM came. A plain flag: handlers run between two bytecodes of the main thread."""

    def __init__(self) -> None:
        self._asked = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt  # asked twice: without a last checkpoint
        self._asked = True

    def is_set(self) -> bool:
        return self._asked


@contextmanager
def _asked_to_stop() -> Iterator[_Stop]:
    stop = _Stop()
    previous = {number: signal.signal(number, stop.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
