"""Where a run keeps what: the names of the files every command relies on."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from potstill.launch.errors import BadInputError

#: A setting that only one pipeline has, and the pipeline.
_PIPELINES = {"sac": "expert", "contexts": "collective", "rollouts": "dagger"}


@dataclass(frozen=True, kw_only=True)
class RunDirectory:
    """The files of one run. Nothing is created by looking."""

    root: Path
    """The run directory itself."""

    @property
    def config(self) -> Path:
        """Resolved configuration; its presence makes the folder a run."""
        return self.root / "config.yaml"

    @property
    def provenance(self) -> Path:
        """Git hash, package versions, seeds, hardware."""
        return self.root / "provenance.json"

    @property
    def events(self) -> Path:
        """Every event of the run, one JSON object a line."""
        return self.root / "events.jsonl"

    @property
    def episodes(self) -> Path:
        """The episode store."""
        return self.root / "episodes"

    @property
    def checkpoints(self) -> Path:
        """``round_XX/`` folders."""
        return self.root / "checkpoints"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard event files."""
        return self.root / "tensorboard"

    @property
    def report_json(self) -> Path:
        """The machine-readable report."""
        return self.root / "report.json"

    @property
    def report_html(self) -> Path:
        """The report for people."""
        return self.root / "report.html"

    def read_config(self) -> dict[str, Any]:
        """The resolved configuration as nested mappings.

        Raises:
            BadInputError: the file is missing, or not the YAML of a mapping.
        """
        try:
            # safe_load: a YAML tag never makes an object.
            content = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise BadInputError(f"{self.config}: cannot be read: {' '.join(str(error).split())}") from None
        if not isinstance(content, dict):
            raise BadInputError(
                f"{self.config}: expected a mapping of settings: got {type(content).__name__}"
            )
        return content

    def read_pipeline(self) -> str | None:
        """``dagger``, ``collective`` or ``expert``: whose run this is; None where the configuration does not tell.

        Raises:
            BadInputError: see ``read_config``.
        """
        config = self.read_config()
        return next((pipeline for setting, pipeline in _PIPELINES.items() if setting in config), None)

    def read_provenance(self) -> dict[str, Any]:
        """The provenance, empty when the run has not written it."""
        try:
            return dict(json.loads(self.provenance.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError) as error:
            raise BadInputError(f"{self.provenance}: cannot be read: {error}") from None


def open_run_directory(path: str | Path) -> RunDirectory:
    """The run directory at ``path``.

    Raises:
        BadInputError: there is no such folder, or it holds no run.
    """
    directory = RunDirectory(root=Path(path))
    if not directory.root.is_dir():
        raise BadInputError(f"{path}: no such run directory{_neighbours(directory.root)}")
    if not directory.config.is_file():
        raise BadInputError(
            f"{path}: is not a run directory (it has no config.yaml){_neighbours(directory.root)}"
        )
    return directory


def _neighbours(path: Path) -> str:
    parent = path.parent
    names = [str(found.parent) for found in parent.glob("*/config.yaml")] if parent.is_dir() else []
    near = difflib.get_close_matches(str(path), names, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; runs here: {', '.join(sorted(names)[-5:])}" if names else ""
