"""The run directory of one expert."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from potstill.experience.atomic_write import write_atomically
from potstill.launch.configuration import build, to_mapping
from potstill.launch.errors import BadInputError
from potstill.launch.expert.config import ExpertConfig
from potstill.launch.provenance import collect_provenance
from potstill.launch.run_directory import RunDirectory, open_run_directory


class ExpertFolder:
    """One directory, one expert.

    ::

        config.yaml  provenance.json  events.jsonl  report.json  report.html
        checkpoints/step_XXXXXXXX/      to go on from: the learner, the best expert so far, what training knows
        best/                           the best expert so far
        ladder/step_XXXXXXXX/           intermediate experts
        expert/                         the final expert, and manifest.json
        history/                        episodes of the whole training, labelled by the final expert
        teachers/SHA256/                the collective policy that guides, if there is one
        snapshots/                      the same while training goes on
        diverged/                       what a training that blew up left behind
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.checkpoints = self.path / "checkpoints"
        self.best = self.path / "best"
        self.ladder = self.path / "ladder"
        self.expert = self.path / "expert"
        self.history = self.path / "history"
        self.snapshots = self.path / "snapshots"
        self.diverged = self.path / "diverged"

    @property
    def directory(self) -> RunDirectory:
        """The files that every run has."""
        return RunDirectory(root=self.path)

    @property
    def holds_run(self) -> bool:
        """Whether a run was started here."""
        return self.directory.config.is_file()

    def check_new(self) -> None:
        """Refuse to run over something else.

        Raises:
            BadInputError: with the way out.
        """
        if self.holds_run:
            raise BadInputError(
                f"run_dir: {self.path} already holds a run; go on with "
                f"'potstill expert train --resume {self.path}', or choose another --run-dir"
            )
        if self.path.exists() and not self.path.is_dir():
            raise BadInputError(f"run_dir: {self.path} is a file, not a folder")
        if self.path.exists() and any(self.path.iterdir()):
            raise BadInputError(
                f"run_dir: {self.path} is not empty and holds no run; choose another --run-dir"
            )

    def open(self, config: ExpertConfig) -> None:
        """Write configuration and provenance, if they are not there yet."""
        if self.holds_run:
            return
        provenance = json.dumps(collect_provenance(config.seed), indent=1)
        write_atomically(self.directory.provenance, provenance.encode())
        # Last: a folder counts as a run from here on.
        text = yaml.safe_dump(to_mapping(config), sort_keys=False)
        write_atomically(self.directory.config, text.encode())

    def read_config(self) -> ExpertConfig:
        """The saved configuration.

        Raises:
            BadInputError: no run here, one of another pipeline, or a damaged file; names it.
        """
        mapping = open_run_directory(self.path).read_config()
        if "sac" not in mapping:
            raise BadInputError(f"{self.path}: is not the run of an expert (its config.yaml has no sac)")
        return build(ExpertConfig, mapping)
