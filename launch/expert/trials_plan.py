"""The trials of a grid or a sweep, fixed before the first one starts and kept in its run directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from potstill.experience.atomic_write import write_atomically
from potstill.launch.configuration import build, to_mapping
from potstill.launch.errors import BadInputError
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.run_directory import RunDirectory, open_run_directory

Metric = Literal["success_rate", "env_steps", "seconds"]


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """One trial."""

    config: ExpertConfig
    """What is trained; its label names trial and folder."""
    drawn: Mapping[str, Any] = field(default_factory=dict)
    """The settings that a sweep varies, by dotted key."""


@dataclass(frozen=True, kw_only=True)
class TrialsPlan:
    """All trials, and how they compete."""

    kind: Literal["grid", "sweep"]
    """Which command made it."""
    asha: bool
    """Trials that fall behind are stopped."""
    metric: Metric = "success_rate"
    """By which they are ranked."""
    mode: Literal["max", "min"] = "max"
    """Which of two values is better."""
    trials: tuple[PlannedTrial, ...]
    """At least one; no two alike."""

    def __post_init__(self) -> None:
        if not self.trials:
            raise ValueError("trials must hold at least one")
        for trial in self.trials:
            if trial.config.resources.env_runners:
                raise ValueError(
                    "resources.env_runners must be 0 here: a trial is one process, more trials use more cores"
                )

    def folder(self, root: Path, trial: PlannedTrial) -> Path:
        """The run directory of a trial, itself that of an expert."""
        return root / "trials" / trial.config.label

    def write(self, root: Path) -> None:
        """Write ``config.yaml``."""
        content = {
            "kind": self.kind,
            "asha": self.asha,
            "metric": self.metric,
            "mode": self.mode,
            "trials": [
                {"drawn": dict(trial.drawn), "config": to_mapping(trial.config)} for trial in self.trials
            ],
        }
        text = yaml.safe_dump(content, sort_keys=False)
        write_atomically(RunDirectory(root=root).config, text.encode())

    @classmethod
    def read(cls, root: Path) -> TrialsPlan:
        """The plan of a run directory.

        Raises:
            BadInputError: there is none, or it is damaged.
        """
        content = open_run_directory(root).read_config()
        try:
            trials = tuple(
                PlannedTrial(config=build(ExpertConfig, trial["config"]), drawn=trial["drawn"])
                for trial in content["trials"]
            )
            return cls(**{**content, "trials": trials})
        except (KeyError, TypeError, ValueError):
            raise BadInputError(f"{root}: is not the run of a grid or a sweep of experts") from None


def without_repetitions(plan: TrialsPlan) -> TrialsPlan:
    """Each configuration once: two equal ones would be one trial."""
    return replace(plan, trials=tuple({trial.config.label: trial for trial in plan.trials}.values()))
