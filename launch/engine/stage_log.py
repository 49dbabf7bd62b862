"""Which stages of a run are finished, and with what: a finished stage is never redone, a changed input redoes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from potstill.experience.atomic_write import write_atomically
from potstill.launch.engine.stage import Stage
from potstill.launch.errors import BadInputError


class StageLog:
    """One JSON file per finished stage under ``run_dir/stages``: its inputs and outputs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def outputs(self, stage: Stage) -> dict[str, Any] | None:
        """Outputs of this very stage (same inputs), or None when it has to be done."""
        record = self._read(stage.name)
        return record["outputs"] if record is not None and record["key"] == stage.key else None

    def why_redo(self, stage: Stage) -> str:
        """``not done yet``, or which input changed since it was done."""
        record = self._read(stage.name)
        if record is None:
            return "not done yet"
        fresh = json.loads(json.dumps(stage.inputs, default=list))
        changed = [
            key for key in sorted({*fresh, *record["inputs"]}) if fresh.get(key) != record["inputs"].get(key)
        ]
        return "changed: " + ", ".join(changed)

    def latest_outputs(self, name: str) -> dict[str, Any] | None:
        """Outputs of the stage of that name, whatever its inputs were; None when it was never finished."""
        record = self._read(name)
        return None if record is None else record["outputs"]

    def finish(self, stage: Stage, outputs: Mapping[str, Any]) -> None:
        """Record the outputs; atomic and durable."""
        record = {"name": stage.name, "key": stage.key, "inputs": stage.inputs, "outputs": outputs}
        write_atomically(self._path(stage.name), json.dumps(record, indent=1, default=list).encode())

    def forget(self, name: str) -> None:
        """The outputs of the stage of that name are gone: it has to be done again, whatever its inputs."""
        self._path(name).unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self._path(name)
        if not path.exists():
            return None
        try:
            record = json.loads(path.read_bytes())
            return {key: record[key] for key in ("key", "inputs", "outputs")}
        except (ValueError, KeyError, TypeError):
            raise BadInputError(f"{path}: is damaged; remove it to do that stage again") from None

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"
