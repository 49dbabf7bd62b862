"""A run's experts: found, checked, and copied into the run directory, where their names are their hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from potstill.actors.teacher_source import TeacherSource
from potstill.experience.atomic_write import write_atomically
from potstill.experience.errors import ArrayFileError, ManifestError
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.errors import BadInputError
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import EXPERT_FILE, read_expert_file
from potstill.policies.expert_manifest import ExpertManifest

ORACLE = "oracle"
#: A pinned expert, relative to the run directory. Stages see this name, so another expert is another input.
_PINNED = re.compile(r"teachers/[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class TeacherFiles:
    """What ``find`` found; nothing is written before ``copy``."""

    config: DaggerConfig
    """As given, with every expert pinned: ``teachers/SHA256`` instead of a folder."""
    sources: dict[str, Path]
    """Folder of each expert that is not in the run directory yet, by its pinned name."""

    @classmethod
    def find(cls, config: DaggerConfig, run_dir: Path) -> TeacherFiles:
        """Read every expert that ``config.teacher`` names.

        An expert's folder may be the run directory of its training; a ladder's may hold many steps. An expert that
        did not pass its quality gate is the oracle, as its manifest says.

        Raises:
            BadInputError: missing, damaged, of another task, robot, model or observation layout; says which.
        """
        search = _Search(config, run_dir)
        expert = search.pin(config.teacher.expert, key="teacher.expert")
        ladder = tuple(
            search.pin(step, key="teacher.ladder_experts")
            for spec in config.teacher.ladder_experts
            for step in _steps(spec)
        )
        teacher = replace(config.teacher, expert=expert, ladder_experts=ladder)
        return cls(config=replace(config, teacher=teacher), sources=search.sources)

    def copy(self, run_dir: Path) -> None:
        """Put the experts into the run directory, so that it can be resumed from itself alone."""
        for pinned, source in self.sources.items():
            write_atomically(run_dir / pinned / EXPERT_FILE, (source / EXPERT_FILE).read_bytes())


def source_of(spec: str, run_dir: Path) -> TeacherSource:
    """What a worker is told of a pinned teacher.

    Raises:
        ValueError: not pinned.
    """
    if spec == ORACLE:
        return TeacherSource()
    if not _PINNED.fullmatch(spec):
        raise ValueError(f"the teacher {spec!r} was never pinned")
    return TeacherSource(folder=str(run_dir / spec), sha256=Path(spec).name)


class _Search:
    def __init__(self, config: DaggerConfig, run_dir: Path) -> None:
        self._config = config
        self._run_dir = run_dir
        self._model_hash = ""
        self.sources: dict[str, Path] = {}

    def pin(self, spec: str, *, key: str) -> str:
        """The pinned name of a teacher."""
        if spec == ORACLE:
            return ORACLE
        if not spec:
            raise BadInputError(
                f"{key}: say which expert teaches, e.g. --set {key}=DIR "
                f"(train one: potstill expert train --task {self._config.task})"
            )
        pinned = bool(_PINNED.fullmatch(spec))
        folder = self._run_dir / spec if pinned else _expert_folder(Path(spec), key)
        if folder is None:
            return ORACLE
        try:
            file, sha256 = read_expert_file(folder, expected_sha256=folder.name if pinned else None)
            self._check(file.facts)
        except (ArrayFileError, ValueError) as error:
            way_out = "; restore it, or set another expert" if pinned else ""
            raise BadInputError(f"{key}: {spec}: {error}{way_out}") from None
        name = f"teachers/{sha256}"
        if not pinned and not (self._run_dir / name / EXPERT_FILE).exists():
            self.sources[name] = folder
        return name

    def _check(self, facts: ExpertFacts) -> None:
        if not self._model_hash:
            from potstill.envs.task_simulation import TaskSimulation  # takes seconds to import

            self._model_hash = TaskSimulation(self._config.task, robot=self._config.robot).model_hash
        facts.check_world(task=self._config.task, robot=self._config.robot, model_hash=self._model_hash)


def _expert_folder(path: Path, key: str) -> Path | None:
    """Where the expert's file is; None where its manifest says that the oracle takes its place."""
    if not path.is_dir():
        raise BadInputError(f"{key}: {path}: no such folder; give 'oracle', or the folder of an expert")
    folder = path if (path / EXPERT_FILE).exists() or not (path / "expert").is_dir() else path / "expert"
    try:
        manifest = ExpertManifest.read(folder)
    except ManifestError as error:
        raise BadInputError(f"{key}: {error}") from None
    if manifest is not None and not manifest.passed:
        return None
    if not (folder / EXPERT_FILE).exists():
        raise BadInputError(
            f"{key}: {path}: holds no {EXPERT_FILE}; an RLlib checkpoint becomes one by 'potstill expert convert'"
        )
    return folder


def _steps(spec: str) -> list[str]:
    """The steps of a ladder's folder (or of the run that made it), in the order of training; else the folder."""
    path = Path(spec)
    if _PINNED.fullmatch(spec) or not path.is_dir() or (path / EXPERT_FILE).exists():
        return [spec]
    steps = sorted(path.glob("step_*")) or sorted(path.glob("ladder/step_*"))
    return [str(step) for step in steps] or [spec]
