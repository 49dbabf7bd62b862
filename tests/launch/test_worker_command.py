"""Workers started by hand join a run through nothing but its Redis and its directory."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.recipes import smoke
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.dagger.stage_tasks import StageTasks
from potstill.launch.dagger.stages import (
    rollout_stage,
)
from potstill.queues.open_queue import open_queue

POTSTILL = str(Path(sys.executable).parent / "potstill")


@pytest.mark.slow
def test_a_rollout_and_a_render_worker_started_by_hand_do_a_round_and_stop_when_asked(tmp_path: Path) -> None:
    # Given a run directory, a server and a round of tasks, but no runner and no Ray
    config, folder = smoke(), DaggerFolder(tmp_path / "run")
    folder.path.mkdir()
    run = folder.open(config)
    stage = rollout_stage(config, 0, "")
    with EmbeddedRedis(tmp_path / "redis") as redis:
        queue = open_queue(redis.url, run)
        tasks = StageTasks(config=config, run=run, run_dir=folder.path, store=folder.episodes_url)
        queue.put(tasks.rollouts(stage, 0, ("", "")))

        # When one worker of each kind is started by hand
        where = ["--redis", redis.url, "--run", run, "--run-dir", str(folder.path)]
        workers = [subprocess.Popen([POTSTILL, "worker", kind, *where]) for kind in ("render", "rollout")]
        try:
            ledger = queue.gather(stage.group, wait_seconds=90)
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            codes = [worker.wait(timeout=30) for worker in workers]

    # Then the round is committed, and both left quietly
    assert (ledger.done, ledger.submitted) == (config.bootstrap_rollouts, config.bootstrap_rollouts)
    assert len(EpisodeStore(folder.episodes_url).entries(0)) == config.bootstrap_rollouts
    assert codes == [0, 0]
