"""Whether what finished stages left behind is really there, before anything is started on top of it."""

from __future__ import annotations

from pathlib import Path

from potstill.experience.array_file import read_array_file
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import ArrayFileError, EpisodeFileError, ManifestError
from potstill.launch.errors import BadInputError


def check_round(store: EpisodeStore, round_index: int, expected: str) -> None:
    """A sealed round: its manifest by hash, its episodes by size.

    Raises:
        BadInputError: names the damaged file and how to go on without it.
    """
    stage = f"stages/round_{round_index:02d}.rollout.json"
    try:
        manifest = store.manifest(round_index)
        for entry in manifest.entries:
            store.local_path(entry)
    except ManifestError as error:
        raise BadInputError(f"{error}; restore the file, or remove {stage} to seal the round again") from None
    except EpisodeFileError as error:
        raise BadInputError(
            f"{error}; restore the file, or remove its entry ({entry.index:05d}.json) and {stage} to act it again"
        ) from None
    if manifest.sha256 != expected:
        raise BadInputError(
            f"round_{round_index:02d}/manifest.json is not the one this run trained on; restore it, or remove "
            f"{stage} to redo what depends on it"
        )


def check_checkpoint(path: Path, expected: str, *, kind: str, stage: str) -> None:
    """A checkpoint of the stage of that name, by hash.

    Raises:
        BadInputError: names the damaged file and how to go on without it.
    """
    way_out = f"restore it, or remove stages/{stage}.json to train it again"
    try:
        _, _, found = read_array_file(path, kind=kind)
    except ArrayFileError as error:
        raise BadInputError(f"checkpoint {error}; {way_out}") from None
    if found != expected:
        raise BadInputError(f"checkpoint {path} is not the one this run went on with; {way_out}")
