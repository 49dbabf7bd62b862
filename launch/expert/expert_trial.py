"""An expert's training as a trial: the same session, in a process of Tune's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill.launch.configuration import build
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.expert.expert_session import ExpertSession
from potstill.launch.expert.finished_result import finished_result

#: Seconds between two reports of a trial.
REPORT_SECONDS = 4.0


def open_expert_trial(parameters: Mapping[str, Any]) -> ExpertTrial | FinishedTrial:
    """A trial from its ``config`` (as in config.yaml) and its ``folder``; one that is finished stays so."""
    path = Path(parameters["folder"])
    result = finished_result(path)
    if result is not None:
        return FinishedTrial(result)
    return ExpertTrial(build(ExpertConfig, parameters["config"]), path)


class ExpertTrial:
    """A ``TrialSession`` of ``cluster/tune_grid.py``."""

    def __init__(self, config: ExpertConfig, path: Path) -> None:
        self._session = ExpertSession(config, path)

    def advance(self) -> dict[str, Any]:
        """Train for some seconds."""
        until = time.monotonic() + REPORT_SECONDS
        while self._session.state == "training" and time.monotonic() < until:
            self._session.advance()
        return {**self._session.figures(), "finished": self._session.state != "training"}

    def close(self) -> None:
        """Write a checkpoint if there is more to do."""
        self._session.close()


class FinishedTrial:
    """A trial whose process died after the last stroke of work and before Tune heard of it."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        self._result = result

    def advance(self) -> dict[str, Any]:
        """What it came to."""
        result = self._result
        episodes = result["eval_episodes"]
        rate = result["success_rate"] or 0.0
        known = {
            "state": result["state"],
            "env_steps": result["env_steps"],
            "seconds": result["wall_seconds"],
        }
        success = {"success_rate": rate, "successes": round(rate * episodes), "eval_episodes": episodes}
        return {**known, **success, "finished": True}

    def close(self) -> None:
        """Nothing is held."""
