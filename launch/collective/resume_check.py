"""Whether what a collective run says it has is really there, before anything is started on top of it."""

from __future__ import annotations

from potstill.experience.episode_store import EpisodeStore
from potstill.launch.collective.config import CollectiveConfig
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.engine.finished_files import check_checkpoint, check_round
from potstill.launch.engine.stage_log import StageLog
from potstill.policies.collective_file import COLLECTIVE_FILE, COLLECTIVE_KIND
from potstill.policies.representation_file import REPRESENTATION_FILE, REPRESENTATION_KIND


def check_resumable(config: CollectiveConfig, folder: CollectiveFolder) -> None:
    """The run's identity; of every finished stage checkpoint and manifest by hash, episodes by size.

    Raises:
        BadInputError: names the damaged file and how to go on without it.
    """
    folder.read_run()
    log, store = StageLog(folder.path / "stages"), EpisodeStore(folder.episodes_url)
    checkpoints = folder.path / "checkpoints"
    rounds = [f"round_{index:02d}" for index in range(config.round_count)]
    for index, name in enumerate(rounds):
        if (collected := log.latest_outputs(f"{name}.rollout")) is not None:
            check_round(store, index, collected["manifest"])
    if (trained := log.latest_outputs("representation")) is not None:
        path = checkpoints / "representation" / REPRESENTATION_FILE
        check_checkpoint(path, trained["checkpoint_sha256"], kind=REPRESENTATION_KIND, stage="representation")
    for name in (*rounds, *(f"final.{context}" for context in config.contexts)):
        stage = f"{name}.distillation"
        if (distilled := log.latest_outputs(stage)) is not None:
            path = checkpoints / name / COLLECTIVE_FILE
            check_checkpoint(path, distilled["checkpoint_sha256"], kind=COLLECTIVE_KIND, stage=stage)
