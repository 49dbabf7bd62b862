"""The run directory of a pipeline: configuration, provenance and the run's identity."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import yaml

from potstill.experience.atomic_write import write_atomically
from potstill.launch.configuration import build, to_mapping
from potstill.launch.errors import BadInputError
from potstill.launch.provenance import collect_provenance
from potstill.launch.run_directory import RunDirectory


class RunConfig(Protocol):
    """What every pipeline's configuration says of its run."""

    @property
    def recipe(self) -> str:
        """Name under which the run is reported."""

    @property
    def seed(self) -> int:
        """From which every other seed follows."""


Config = TypeVar("Config", bound=RunConfig)


class RunFolder(Generic[Config]):
    """One directory, one run. A pipeline's own class names its configuration and its verb.

    ::

        config.yaml  provenance.json  run.json  events.jsonl  report.json  report.html
        episodes/round_XX/  checkpoints/round_XX/  teachers/SHA256/  prompts/SHA256.jsonl  stages/  redis/
        pools.json  superseded/
    """

    config_class: ClassVar[type[Any]]
    """Of the saved configuration."""
    verb: ClassVar[str]
    """Of the command line, e.g. ``dagger``."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._files = RunDirectory(root=self.path)

    @property
    def episodes_url(self) -> str:
        """Where the episodes go."""
        return str(self._files.episodes)

    def check(self, config: Config, *, resume: bool) -> None:
        """Refuse to run over another run, or to resume what is not there.

        Raises:
            BadInputError: with the way out.
        """
        exists = self._files.config.exists()
        if resume and not exists:
            raise BadInputError(f"run_dir: {self.path} holds no run (no config.yaml)")
        if not resume and exists:
            other = self.read_config()
            owner = "this recipe" if other.recipe == config.recipe else f"recipe {other.recipe!r}"
            raise BadInputError(
                f"run_dir: {self.path} already holds a run of {owner}; continue it with "
                f"'potstill {self.verb} resume {self.path}', or choose another --run-dir"
            )
        if not resume and self.path.exists() and any(self.path.iterdir()):
            raise BadInputError(
                f"run_dir: {self.path} is not empty and holds no run; choose another --run-dir"
            )

    def check_pipeline(self) -> None:
        """Refuse the run of another pipeline.

        Raises:
            BadInputError: names it.
        """
        pipeline = self._files.read_pipeline()
        if pipeline not in (None, self.verb):
            raise BadInputError(
                f"run_dir: {self.path} holds a run of 'potstill {pipeline}', not of 'potstill {self.verb}'"
            )

    def open(self, config: Config) -> str:
        """Write configuration and provenance; returns the run's id (made once, kept for ever)."""
        _write_once(
            self.path / "run.json", lambda: json.dumps({"run": f"{config.recipe}-{uuid.uuid4().hex[:8]}"})
        )
        _write_once(self._files.provenance, lambda: json.dumps(collect_provenance(config.seed), indent=1))
        # Last: a folder counts as a run from here on.
        _write_once(self._files.config, lambda: yaml.safe_dump(to_mapping(config), sort_keys=False))
        return self.read_run()

    def read_run(self) -> str:
        """The run's id."""
        try:
            return str(json.loads((self.path / "run.json").read_text())["run"])
        except (OSError, ValueError, KeyError, TypeError):
            raise BadInputError(f"run_dir: {self.path / 'run.json'} is missing or damaged") from None

    def read_config(self) -> Config:
        """The saved configuration.

        Raises:
            BadInputError: no run here, or a damaged file; names it.
        """
        if not self._files.config.exists():
            raise BadInputError(f"run_dir: {self.path} holds no run (no config.yaml)")
        self.check_pipeline()
        mapping = self._files.read_config()
        try:
            return build(self.config_class, mapping)
        except BadInputError as error:
            raise BadInputError(f"{self._files.config}: {error}") from None


def _write_once(path: Path, text: Callable[[], str]) -> None:
    if not path.exists():
        write_atomically(path, text().encode())
