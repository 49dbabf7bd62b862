"""A run's experts: found, checked, and copied into the run directory, where their names are their hashes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from potstill.experience.atomic_write import write_atomically
from potstill.experience.errors import ArrayFileError
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.engine.pinned_expert import ORACLE, expert_folder, is_pinned
from potstill.launch.errors import BadInputError
from potstill.policies.expert_facts import ExpertFacts
from potstill.policies.expert_file import EXPERT_FILE, read_expert_file


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
        pinned = is_pinned(spec)
        folder = self._run_dir / spec if pinned else expert_folder(Path(spec), key)
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


def _steps(spec: str) -> list[str]:
    """The steps of a ladder's folder (or of the run that made it), in the order of training; else the folder."""
    path = Path(spec)
    if is_pinned(spec) or not path.is_dir() or (path / EXPERT_FILE).exists():
        return [spec]
    steps = sorted(path.glob("step_*")) or sorted(path.glob("ladder/step_*"))
    return [str(step) for step in steps] or [spec]
