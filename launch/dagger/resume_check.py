"""Whether what a run says it has is really there, before anything is started on top of it."""

from __future__ import annotations

from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.config import DaggerConfig
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.engine.finished_files import check_checkpoint, check_round
from potstill.launch.engine.stage_log import StageLog
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
            check_round(store, round_index, collected["manifest"])
        if (trained := log.latest_outputs(f"{name}.training")) is not None:
            check_checkpoint(
                folder.path / "checkpoints" / name / POLICY_FILE,
                trained["checkpoint_sha256"],
                kind=POLICY_KIND,
                stage=f"{name}.training",
            )
