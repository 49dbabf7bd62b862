"""Runs the trials of a grid or a sweep on Tune, shows them, and writes what they came to."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill.cluster.tune_grid import TUNE_ENVIRONMENT, AshaConfig, GridConfig, TrialSpec, TuneGrid
from potstill.experience.atomic_write import write_atomically
from potstill.launch.configuration import to_mapping
from potstill.launch.expert.expert_trial import open_expert_trial
from potstill.launch.expert.finished_result import finished_result
from potstill.launch.expert.trials_display import TrialsDisplay
from potstill.launch.expert.trials_plan import TrialsPlan
from potstill.launch.expert.trials_report import build_trials_report
from potstill.launch.expert.trials_table import print_trials_table
from potstill.launch.only_runner import only_runner
from potstill.launch.provenance import collect_provenance
from potstill.launch.reporting.event_log import EventLog, read_events
from potstill.launch.reporting.report import wall_seconds
from potstill.launch.run_directory import RunDirectory


def run_trials(plan: TrialsPlan, root: Path, *, concurrent: int, address: str | None) -> dict[str, Any]:
    """Do every trial that has not ended yet. Returns the report, which is also in ``root/report.json``.

    Args:
        plan: New, or read from ``root``.
        root: Run directory; a trial's own is ``trials/LABEL`` in it.
        concurrent: Trials at a time.
        address: Of a running Ray cluster; None starts a local one.

    Raises:
        BadInputError: another runner is at work in ``root``.
        KeyboardInterrupt: SIGINT or SIGTERM; can be resumed.
    """
    for name, value in TUNE_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    root = root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    with only_runner(root):
        _open(plan, root)
        directory = RunDirectory(root=root)
        log, display = EventLog(directory.events), TrialsDisplay(plan)
        states: dict[str, str] = {}
        started = time.monotonic()
        log.write("run_started", recipe=plan.kind, trials=[trial.config.label for trial in plan.trials])

        def listen(label: str, state: str, figures: Mapping[str, Any]) -> None:
            if states.get(label) != state:
                log.write("trial_changed", label=label, state=state, error=figures.get("error"))
            states[label] = state
            display.show(label, state, figures)

        try:
            if not _all_finished(plan, root):
                config = _grid_config(plan, concurrent)
                grid = TuneGrid(root / "tune", config, open_trial=open_expert_trial, listen=listen)
                grid.run(_specs(plan, root), address=address)
        finally:
            display.close()
            log.write("session_ended", seconds=time.monotonic() - started)
            log.close()
            report = _write_report(plan, root, states)
    print_trials_table(report)
    return report


def _open(plan: TrialsPlan, root: Path) -> None:
    directory = RunDirectory(root=root)
    if not directory.config.exists():
        provenance = collect_provenance(plan.trials[0].config.seed)
        write_atomically(directory.provenance, json.dumps(provenance, indent=1).encode())
        plan.write(root)


def _all_finished(plan: TrialsPlan, root: Path) -> bool:
    return all(finished_result(plan.folder(root, trial)) is not None for trial in plan.trials)


def _specs(plan: TrialsPlan, root: Path) -> list[TrialSpec]:
    return [
        TrialSpec(
            name=trial.config.label,
            parameters={
                "config": to_mapping(trial.config),
                "folder": str(plan.folder(root, trial)),
            },
        )
        for trial in plan.trials
    ]


def _grid_config(plan: TrialsPlan, concurrent: int) -> GridConfig:
    configs = [trial.config for trial in plan.trials]
    last = max(config.budget.env_steps for config in configs)
    asha = AshaConfig(
        metric="success_rate",
        mode="max",
        time="env_steps",
        # Not before everyone was evaluated twice.
        first=min(last, 2 * max(config.evaluation.interval for config in configs)),
        last=last,
    )
    gpus = max(config.resources.learner_gpus for config in configs)
    return GridConfig(concurrent=concurrent, gpus=gpus, asha=asha if plan.asha else None)


def _write_report(plan: TrialsPlan, root: Path, states: Mapping[str, str]) -> dict[str, Any]:
    directory = RunDirectory(root=root)
    seconds = wall_seconds(read_events(directory.events))
    report = build_trials_report(plan, root, states, wall_seconds=seconds)
    write_atomically(directory.report_json, (json.dumps(report, indent=1) + "\n").encode())
    return report
