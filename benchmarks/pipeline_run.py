"""One run of a pipeline through the command line: begun, or gone on with where it was interrupted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def run_pipeline(folder: Path, pipeline: str, recipe: str, settings: Sequence[str]) -> int:
    """The command's exit code; its progress goes to ``FOLDER.log``. Settings count only for a new run."""
    command = [sys.executable, "-m", "potstill.launch.main", pipeline]
    if (folder / "config.yaml").exists():
        command += ["resume", str(folder)]
    else:
        command += ["run", "--recipe", recipe, "--run-dir", str(folder)]
        command += [word for setting in settings for word in ("--set", setting)]
    with Path(f"{folder}.log").open("a") as log:
        return subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode


def finished_report(folder: Path) -> dict | None:
    """report.json of a finished run; None where there is none, or it is not finished."""
    path = folder / "report.json"
    report = json.loads(path.read_text()) if path.exists() else {"finished": False}
    return report if report["finished"] else None
