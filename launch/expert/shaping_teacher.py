"""The collective policy that guides a training: found, checked, and copied into the run directory under its hash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from potstill.experience.array_file import read_array_file
from potstill.experience.atomic_write import write_atomically
from potstill.experience.errors import ArrayFileError
from potstill.launch.engine.pinned_expert import is_pinned
from potstill.launch.errors import BadInputError
from potstill.launch.expert.config import ExpertConfig
from potstill.policies.collective_file import COLLECTIVE_FILE, COLLECTIVE_KIND

_KEY = "shaping.teacher"


@dataclass(frozen=True, kw_only=True)
class ShapingTeacher:
    """What ``find`` found; nothing is written before ``copy``."""

    config: ExpertConfig
    """As given, with the teacher pinned (``teachers/SHA256`` instead of a folder) and the bonus's end filled in."""
    source: Path | None
    """Folder of a teacher that is not in the run directory yet."""

    @classmethod
    def find(cls, config: ExpertConfig, run_dir: Path) -> ShapingTeacher:
        """Read the collective policy that ``config.shaping`` names, if it names one.

        Raises:
            BadInputError: missing, damaged, not the one that was pinned, or it does not know the task it must know.
        """
        shaping = config.shaping
        if not shaping.on:
            return cls(config=config, source=None)
        pinned = is_pinned(shaping.teacher)
        folder = run_dir / shaping.teacher if pinned else Path(shaping.teacher)
        try:
            sha256 = _checked(folder, config.task)
            if pinned and sha256 != folder.name:
                raise ArrayFileError(f"{folder / COLLECTIVE_FILE}: holds {sha256[:12]}; restore it")
            end = config.budget.env_steps if shaping.end_step is None else shaping.end_step
            shaping = replace(shaping, teacher=f"teachers/{sha256}", end_step=end)
        except (ArrayFileError, ValueError) as error:
            raise BadInputError(f"{_KEY}: {error}") from None
        known = (run_dir / shaping.teacher / COLLECTIVE_FILE).exists()
        return cls(config=replace(config, shaping=shaping), source=None if known else folder)

    def config_in(self, run_dir: Path) -> ExpertConfig:
        """The configuration for processes that know nothing of the run directory: with the teacher's whole path."""
        shaping = self.config.shaping
        if not shaping.on:
            return self.config
        return replace(self.config, shaping=replace(shaping, teacher=str(run_dir / shaping.teacher)))

    def copy(self, run_dir: Path) -> None:
        """Put the policy into the run directory, so that it can be resumed from itself alone."""
        if self.source is not None:
            target = run_dir / self.config.shaping.teacher / COLLECTIVE_FILE
            write_atomically(target, (self.source / COLLECTIVE_FILE).read_bytes())


def with_checked_teacher(config: ExpertConfig) -> ExpertConfig:
    """The same with the teacher's whole path, before a run directory exists; raises BadInputError as ``find`` does."""
    if not config.shaping.on:
        return config
    ShapingTeacher.find(config, Path())
    return replace(
        config, shaping=replace(config.shaping, teacher=str(Path(config.shaping.teacher).resolve()))
    )


def _checked(folder: Path, task: str) -> str:
    """The policy's sha256."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; give a checkpoint of a collective run")
    if not (folder / COLLECTIVE_FILE).is_file():
        raise ValueError(
            f"{folder}: holds no {COLLECTIVE_FILE}; e.g. RUN/checkpoints/final.code of a collective run does"
        )
    _, facts, sha256 = read_array_file(folder / COLLECTIVE_FILE, kind=COLLECTIVE_KIND)
    if facts["config"]["context"] == "id" and task not in facts["tasks"]:
        raise ValueError(f"{folder}: was told its task by name and knows no {task}")
    return sha256
