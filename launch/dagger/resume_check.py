"""Whether what a run says it has is really there, before anything is started on top of it."""

from __future__ import annotations

from pathlib import Path

from potstill.experience.array_file import read_array_file
from potstill.experience.episode_store import EpisodeStore
from potstill.experience.errors import ArrayFileError, EpisodeFileError, ManifestError
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.engine.stage_log import StageLog
from potstill.launch.errors import BadInputError
from potstill.policies.policy_file import POLICY_FILE, POLICY_KIND


def check_resumable(config: DaggerConfig, folder: DaggerFolder) -> None:
    """The run's identity; of every finished stage checkpoint and manifest by hash, episodes by size.

    Raises:
        BadInputError: names the damaged file and how to go on without it.
    """
    folder.read_run()
    log = StageLog(folder.path / "stages")
    store = EpisodeStore(folder.episodes_url)
    for round_index in range(config.round_count):
        name = f"round_{round_index:02d}"
        if (collected := log.latest_outputs(f"{name}.rollout")) is not None:
            _check_episodes(store, round_index, collected["manifest"])
        if (trained := log.latest_outputs(f"{name}.training")) is not None:
            _check_policy(
                folder.path / "checkpoints" / name / POLICY_FILE, trained["checkpoint_sha256"], name
            )


def _check_episodes(store: EpisodeStore, round_index: int, expected: str) -> None:
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


def _check_policy(path: Path, expected: str, name: str) -> None:
    way_out = f"restore it, or remove stages/{name}.training.json to train it again"
    try:
        _, _, found = read_array_file(path, kind=POLICY_KIND)
    except ArrayFileError as error:
        raise BadInputError(f"checkpoint {error}; {way_out}") from None
    if found != expected:
        raise BadInputError(f"checkpoint {path} is not the one this run went on with; {way_out}")
