"""Real runs as real processes, with real kills: nothing is lost or doubled, and what is finished is not redone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from potstill.cluster.embedded_redis import live_url
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.collective.run_folder import CollectiveFolder
from potstill.launch.reporting.event_log import read_events
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.open_queue import open_queue
from potstill.queues.redis_task_queue import RedisTaskQueue

#: On a machine that is busy with other things such a run takes minutes.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

POTSTILL = str(Path(sys.executable).parent / "potstill")
#: Long enough to be killed in the middle, short enough for a test: 40 and 24 episodes.
SETTINGS = (
    "collection.bootstrap_episodes=20",
    "collection.episodes=12",
    "collection.max_steps=200",
    "delivery.lease_seconds=3.0",
)
DEADLINE_SECONDS = 240.0


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [POTSTILL, "collective", *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _run(run_dir: Path) -> subprocess.Popen[bytes]:
    overrides = [word for setting in SETTINGS for word in ("--set", setting)]
    return _start("run", "--recipe", "smoke", "--run-dir", str(run_dir), *overrides)


def _wait_until(condition: Any, what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)
    return value


def _queue(run_dir: Path) -> RedisTaskQueue:
    """The run's own queue, as soon as its server answers."""

    def look() -> RedisTaskQueue | None:
        try:
            url = live_url(run_dir / "redis")
            return open_queue(url, CollectiveFolder(run_dir).read_run()) if url else None
        except QueueUnavailableError:
            return None

    queue = _wait_until(look, "the run's Redis")
    assert isinstance(queue, RedisTaskQueue)
    return queue


def _done(queue: RedisTaskQueue, name: str) -> int:
    return sum(queue.ledger(group).done for group in queue.groups() if group.startswith(name))


def _rollout_worker(queue: RedisTaskQueue) -> int | None:
    facts = queue.workers().values()
    return next((worker["pid"] for worker in facts if worker.get("kind") == "rollout"), None)


def _finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, errors.decode()[-3000:]


def _assert_exact(run_dir: Path) -> None:
    report = json.loads((run_dir / "report.json").read_text())
    assert report["finished"]
    store = EpisodeStore(str(run_dir / "episodes"))
    for number, (entry, asked) in enumerate(zip(report["rounds"], (40, 24), strict=True)):
        assert entry["rollouts_requested"] == entry["rollouts_committed"] == asked
        assert entry["duplicates"] == entry["lost"] == 0
        assert [e.index for e in store.entries(number)] == list(range(asked))
        assert store.verify(number) == []
    assert len(report["results"]) == 2 * 2 * 2
    assert {row["eval_episodes"] for row in report["results"]} == {2}


def test_a_worker_killed_in_the_middle_of_a_round_loses_and_doubles_nothing(tmp_path: Path) -> None:
    # Given a run in its bootstrap round
    run_dir = tmp_path / "run"
    process = _run(run_dir)
    queue = _queue(run_dir)
    _wait_until(lambda: _done(queue, "round_00.rollout") >= 4, "four episodes")

    # When the worker is killed without warning
    os.kill(_wait_until(lambda: _rollout_worker(queue), "a rollout worker"), signal.SIGKILL)

    # Then the run finishes by itself, with exactly what was asked, and says what happened
    _finish(process)
    _assert_exact(run_dir)
    restarts = [e for e in read_events(run_dir / "events.jsonl") if e["event"] == "worker_restarted"]
    assert [event["pool"] for event in restarts] == ["rollout"]


def test_a_runner_killed_in_the_middle_of_a_later_round_is_resumed_and_redoes_nothing(tmp_path: Path) -> None:
    # Given a run whose own policy acts
    run_dir = tmp_path / "run"
    process = _run(run_dir)
    queue = _queue(run_dir)
    _wait_until(lambda: _done(queue, "round_01.rollout") >= 4, "four episodes of round 1")

    # When the runner is killed without warning (its Redis and Ray die with it)
    process.kill()
    process.communicate()
    store = EpisodeStore(str(run_dir / "episodes"))
    episodes = {(n, entry.index): entry.sha256 for n in (0, 1) for entry in store.entries(n)}
    finished = {path: path.read_bytes() for path in (run_dir / "stages").glob("*.json")}
    networks = {path: path.stat().st_mtime_ns for path in run_dir.glob("checkpoints/*/*.safetensors")}
    said = len(read_events(run_dir / "events.jsonl"))

    # Then resume finishes the run
    _finish(_start("resume", str(run_dir)))
    _assert_exact(run_dir)

    # And what was done before the kill is still what counts, and was not done again
    now = {(n, entry.index): entry.sha256 for n in (0, 1) for entry in store.entries(n)}
    assert len(episodes) >= 44 and now == now | episodes
    assert {path.name for path in finished} >= {"round_00.rollout.json", "representation.json"}
    assert all(path.read_bytes() == content for path, content in finished.items())
    assert len(networks) >= 4
    assert {path: path.stat().st_mtime_ns for path in networks} == networks
    after = [
        event
        for event in read_events(run_dir / "events.jsonl")[said:]
        if event["event"].endswith("_finished")
    ]
    assert [(event["event"], event.get("round")) for event in after][:2] == [
        ("round_finished", 0),
        ("rollouts_finished", 1),
    ]
    assert not [event for event in after if event["event"] == "representation_finished"]
