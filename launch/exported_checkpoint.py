"""Which checkpoint is meant by a folder that a user names."""

from __future__ import annotations

from pathlib import Path

from potstill.launch.dagger.stages import best_round
from potstill.launch.errors import BadInputError
from potstill.launch.reporting.event_log import read_events
from potstill.launch.reporting.report import build_report
from potstill.launch.run_directory import RunDirectory
from potstill.policies.collective_file import COLLECTIVE_FILE
from potstill.policies.expert_file import EXPERT_FILE
from potstill.policies.policy_file import POLICY_FILE

_FILES = (POLICY_FILE, COLLECTIVE_FILE, EXPERT_FILE)


def find_exported_checkpoint(path: Path) -> Path:
    """The file of a policy, resolved: of this checkpoint folder, or the one that a run directory is for.

    Of a DAgger run that is the best round's student, of a collective run the policy of its first context on all
    rounds, of an expert's run the final expert.

    Raises:
        BadInputError: nothing there, or not yet.
    """
    if path.is_file():
        raise BadInputError(f"export: {path}: is a file; name the folder that holds it")
    folder = path.resolve()
    run = RunDirectory(root=folder)
    if run.config.is_file():
        folder = _of_run(run)
    found = [folder / name for name in _FILES if (folder / name).is_file()]
    if not found:
        reason = f"holds no checkpoint ({', '.join(_FILES)})" if folder.is_dir() else "no such folder"
        raise BadInputError(f"export: {folder}: {reason}")
    return found[0]


def _of_run(run: RunDirectory) -> Path:
    pipeline = run.read_pipeline()
    if pipeline == "expert":
        return run.root / "expert"
    if pipeline == "collective":
        return run.checkpoints / f"final.{run.read_config()['contexts'][0]}"
    if pipeline == "dagger":
        rounds = build_report(read_events(run.events))["rounds"]
        rates = [-1.0 if entry["success_rate"] is None else entry["success_rate"] for entry in rounds]
        if max(rates, default=-1.0) >= 0.0:
            return run.checkpoints / f"round_{best_round(rates):02d}"
        raise BadInputError(
            f"export: {run.root}: no round has been evaluated yet; name a folder in {run.checkpoints}"
        )
    raise BadInputError(f"export: {run.root}: is the run of no pipeline that trains a policy")
