"""An expert of a run: found by its folder, then known by its hash."""

from __future__ import annotations

import re
from pathlib import Path

from potstill.actors.teacher_source import TeacherSource
from potstill.experience.errors import ManifestError
from potstill.launch.errors import BadInputError
from potstill.policies.expert_file import EXPERT_FILE
from potstill.policies.expert_manifest import ExpertManifest

#: Meta-World's scripted policies.
ORACLE = "oracle"
#: A pinned expert, relative to the run directory. Stages see this name, so another expert is another input.
_PINNED = re.compile(r"teachers/[0-9a-f]{64}")


def is_pinned(spec: str) -> bool:
    """Whether ``spec`` is ``teachers/SHA256``."""
    return bool(_PINNED.fullmatch(spec))


def source_of(spec: str, run_dir: Path) -> TeacherSource:
    """What a worker is told of a pinned teacher.

    Raises:
        ValueError: not pinned.
    """
    if spec == ORACLE:
        return TeacherSource()
    if not is_pinned(spec):
        raise ValueError(f"the teacher {spec!r} was never pinned")
    return TeacherSource(folder=str(run_dir / spec), sha256=Path(spec).name)


def expert_folder(path: Path, key: str) -> Path | None:
    """Where the expert's file is; None where its manifest says that the oracle takes its place.

    Raises:
        BadInputError: ``key``'s folder is missing, damaged, or holds no expert.
    """
    if not path.is_dir():
        raise BadInputError(f"{key}: {path}: no such folder; give the folder of an expert")
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
