"""The experts of a collective run: one for each (robot, task) that has one, copied into the run directory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from potstill.experience.atomic_write import write_atomically
from potstill.experience.errors import ArrayFileError
from potstill.launch.collective.config import CollectiveConfig
from potstill.launch.engine.pinned_expert import ORACLE, expert_folder, is_pinned
from potstill.launch.errors import BadInputError
from potstill.policies.expert_file import EXPERT_FILE, read_expert_file


@dataclass(frozen=True, kw_only=True)
class ExpertTable:
    """What ``find`` found; nothing is written before ``copy``."""

    config: CollectiveConfig
    """As given, with every expert pinned: ``teachers/SHA256`` instead of a folder."""
    by_cell: dict[tuple[str, str], str]
    """Pinned expert of each (robot, task) that has one."""
    sources: dict[str, Path]
    """Folder of each expert that is not in the run directory yet, by its pinned name."""

    @classmethod
    def find(cls, config: CollectiveConfig, run_dir: Path) -> ExpertTable:
        """Read every expert that ``config.experts`` names. Whether it knows the very model is checked where it acts.

        Raises:
            BadInputError: missing, damaged, below its quality gate, of no cell of the run, or two of one cell.
        """
        by_cell: dict[tuple[str, str], str] = {}
        sources: dict[str, Path] = {}
        for spec in config.experts:
            folder = _folder(spec, run_dir)
            try:
                file, sha256 = read_expert_file(
                    folder, expected_sha256=folder.name if is_pinned(spec) else None
                )
            except ArrayFileError as error:
                raise BadInputError(f"experts: {spec}: {error}") from None
            cell, name = (file.facts.robot, file.facts.task), f"teachers/{sha256}"
            _check_cell(spec, cell, config, by_cell)
            by_cell[cell] = name
            if not is_pinned(spec) and not (run_dir / name / EXPERT_FILE).exists():
                sources[name] = folder
        pinned = replace(config, experts=tuple(by_cell.values()))
        return cls(config=pinned, by_cell=by_cell, sources=sources)

    def copy(self, run_dir: Path) -> None:
        """Put the experts into the run directory, so that it can be resumed from itself alone."""
        for pinned, source in self.sources.items():
            write_atomically(run_dir / pinned / EXPERT_FILE, (source / EXPERT_FILE).read_bytes())

    def expert_of(self, robot: str, task: str) -> str:
        """Pinned name, or ``oracle``."""
        return self.by_cell.get((robot, task), ORACLE)


def _folder(spec: str, run_dir: Path) -> Path:
    if is_pinned(spec):
        return run_dir / spec
    if spec == ORACLE:
        raise BadInputError("experts: oracle: teaches wherever no expert is named; leave it out")
    folder = expert_folder(Path(spec), "experts")
    if folder is None:
        raise BadInputError(
            f"experts: {spec}: did not pass its quality gate; leave it out, and the oracle teaches in its place"
        )
    return folder


def _check_cell(
    spec: str, cell: tuple[str, str], config: CollectiveConfig, known: dict[tuple[str, str], str]
) -> None:
    if cell not in config.cells:
        raise BadInputError(
            f"experts: {spec}: is an expert of {cell[1]} with {cell[0]}, which is not in this run"
        )
    if cell in known:
        raise BadInputError(f"experts: {spec}: there are two experts of {cell[1]} with {cell[0]}")
