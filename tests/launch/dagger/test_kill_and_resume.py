"""Real runs as real processes, with real kills: the ledger stays exact and the run finishes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from potstill.cluster.embedded_redis import live_url
from potstill.experience.episode_store import EpisodeStore
from potstill.launch.dagger.run_folder import DaggerFolder
from potstill.launch.reporting.event_log import read_events
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.open_queue import open_queue
from potstill.queues.redis_task_queue import RedisTaskQueue
from potstill.queues.server_settings import server_settings

POTSTILL = str(Path(sys.executable).parent / "potstill")
#: Long enough to be killed in the middle, short enough for a test.
SETTINGS = ("bootstrap_rollouts=24", "rollouts=12", "rollout.max_steps=40", "delivery.lease_seconds=3.0")
DEADLINE_SECONDS = 120.0


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    # A session of its own, as a terminal gives it; CUDA and thread variables stay as they are.
    return subprocess.Popen([POTSTILL, "dagger", *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE)


def _run_arguments(run_dir: Path, *settings: str) -> list[str]:
    overrides = [word for setting in (*SETTINGS, *settings) for word in ("--set", setting)]
    return ["run", "--recipe", "smoke", "--run-dir", str(run_dir), *overrides]


def _queue(run_dir: Path) -> RedisTaskQueue:
    """The run's own queue, as soon as its server answers."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            url = live_url(run_dir / "redis")
            if url is not None:
                return open_queue(url, DaggerFolder(run_dir).read_run())
        except QueueUnavailableError:
            pass
        assert time.monotonic() < deadline, "the run's Redis never answered"
        time.sleep(0.1)


def _wait_until(condition: Any, what: str) -> Any:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)
    return value


def _pid_of(queue: RedisTaskQueue, kind: str) -> int:
    def look() -> int | None:
        return next((facts["pid"] for facts in queue.workers().values() if facts.get("kind") == kind), None)

    return int(_wait_until(look, f"a {kind} worker"))


def _done(queue: RedisTaskQueue, name: str) -> int:
    return sum(queue.ledger(group).done for group in queue.groups() if name in group)


def _finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, errors.decode()[-3000:]


def _assert_exact(run_dir: Path, requested: list[int]) -> dict[str, Any]:
    report = json.loads((run_dir / "report.json").read_text())
    assert report["finished"]
    store = EpisodeStore(str(run_dir / "episodes"))
    for number, (entry, asked) in enumerate(zip(report["rounds"], requested, strict=True)):
        assert entry["rollouts_requested"] == entry["rollouts_committed"] == asked
        assert entry["duplicates"] == entry["lost"] == 0
        assert [e.index for e in store.entries(number)] == list(range(asked))
        assert store.verify(number) == []
    return report


@pytest.mark.slow
def test_workers_killed_in_the_middle_of_a_round_lose_and_double_nothing(tmp_path: Path) -> None:
    # Given a run in its bootstrap round
    run_dir = tmp_path / "run"
    process = _start(*_run_arguments(run_dir))
    queue = _queue(run_dir)
    _wait_until(lambda: _done(queue, "rollout") >= 2, "two rollouts")

    # When a rollout worker and then a render worker are killed without warning
    os.kill(_pid_of(queue, "rollout"), signal.SIGKILL)
    _wait_until(lambda: _done(queue, "rollout") >= 8, "progress after the first kill")
    os.kill(_pid_of(queue, "render"), signal.SIGKILL)

    # Then the run finishes by itself, with exactly what was asked, and says what happened
    _finish(process)
    _assert_exact(run_dir, [24, 12])
    restarts = [
        line for line in (run_dir / "events.jsonl").read_text().splitlines() if "worker_restarted" in line
    ]
    assert {json.loads(line)["pool"] for line in restarts} == {"rollout", "render"}


@pytest.mark.slow
def test_pools_made_larger_and_smaller_in_the_middle_of_a_round_lose_and_double_nothing(
    tmp_path: Path,
) -> None:
    # Given a run in its bootstrap round, with one worker of each kind
    run_dir = tmp_path / "run"
    process = _start(*_run_arguments(run_dir, "bootstrap_rollouts=60", "rollouts=4"))
    queue = _queue(run_dir)
    _wait_until(lambda: _done(queue, "rollout") >= 2, "two rollouts")

    # When the pools grow, and then shrink while the newcomers hold episodes
    _scale(run_dir, rollout=2, render=2)
    _wait_until(lambda: _rollout_workers_with_tasks(queue) == 2, "two rollout workers with episodes in hand")
    _scale(run_dir, rollout=1, render=1)

    # Then the run finishes by itself, with exactly what was asked, and says what happened
    _finish(process)
    _assert_exact(run_dir, [60, 4])
    resizes = [event for event in read_events(run_dir / "events.jsonl") if event["event"] == "pool_resized"]
    assert [(event["pool"], event["before"], event["after"]) for event in resizes] == [
        ("rollout", 1, 2),
        ("render", 1, 2),
        ("rollout", 2, 1),
        ("render", 2, 1),
    ]
    assert not any(event["event"] == "worker_restarted" for event in read_events(run_dir / "events.jsonl"))


def _rollout_workers_with_tasks(queue: RedisTaskQueue) -> int:
    facts = queue.workers().values()
    return sum(worker.get("kind") == "rollout" and bool(worker.get("tasks")) for worker in facts)


def _scale(run_dir: Path, *, rollout: int, render: int) -> None:
    options = ["--rollout", str(rollout), "--render", str(render)]
    scaled = subprocess.run(
        [POTSTILL, "dagger", "scale", str(run_dir), *options], capture_output=True, timeout=30
    )
    assert scaled.returncode == 0, scaled.stderr


@pytest.mark.slow
def test_a_runner_killed_in_the_middle_of_a_round_is_resumed_without_losing_or_redoing_an_episode(
    tmp_path: Path,
) -> None:
    # Given a run in its bootstrap round
    run_dir = tmp_path / "run"
    process = _start(*_run_arguments(run_dir))
    queue = _queue(run_dir)
    _wait_until(lambda: _done(queue, "rollout") >= 6, "six rollouts")

    # When the runner is killed without warning (its Redis and Ray die with it)
    process.kill()
    process.communicate()
    store = EpisodeStore(str(run_dir / "episodes"))
    before = {entry.index: entry.sha256 for entry in store.entries(0)}

    # Then resume finishes the run, and what was committed before the kill is still what counts
    _finish(_start("resume", str(run_dir)))
    _assert_exact(run_dir, [24, 12])
    after = {entry.index: entry.sha256 for entry in store.entries(0)}
    assert len(before) >= 6
    assert {index: after[index] for index in before} == before


@pytest.mark.slow
def test_with_the_redis_data_gone_altogether_no_committed_episode_is_lost_or_done_again(
    tmp_path: Path,
) -> None:
    # Given a run in its bootstrap round
    run_dir = tmp_path / "run"
    process = _start(*_run_arguments(run_dir, "bootstrap_rollouts=12", "rollouts=2"))
    queue = _queue(run_dir)
    _wait_until(lambda: _done(queue, "rollout") >= 3, "three rollouts")

    # When runner and server are killed without warning, and the server's data are deleted
    url = live_url(run_dir / "redis")
    assert url is not None
    process.kill()
    process.communicate()
    _wait_until(lambda: not _answers(url), "the death of the server")
    time.sleep(1.0)  # for the workers, who see that the runner is gone
    shutil.rmtree(run_dir / "redis")
    before = _files_of_round_0(run_dir)
    committed = {entry.index for entry in EpisodeStore(str(run_dir / "episodes")).entries(0)}

    # Then the ledger is rebuilt from the files
    rebuilt = subprocess.run([POTSTILL, "queue", "rebuild", str(run_dir)], capture_output=True, timeout=60)
    assert rebuilt.returncode == 0, rebuilt.stderr
    expected = f"12 tasks, {len(committed)} of them done and {12 - len(committed)} waiting"
    assert len(committed) >= 3 and expected in rebuilt.stdout.decode()

    # And resume finishes the run without touching a committed file
    _finish(_start("resume", str(run_dir)))
    _assert_exact(run_dir, [12, 2])
    after = _files_of_round_0(run_dir)
    assert {name: after.get(name) for name in before} == before


def _answers(url: str) -> bool:
    try:
        server_settings(url, [])
    except QueueUnavailableError:
        return False
    return True


def _files_of_round_0(run_dir: Path) -> dict[str, tuple[int, int]]:
    """Committed episodes by file: inode and time of change, which acting again would alter."""
    facts = {path.name: path.stat() for path in (run_dir / "episodes/round_00").glob("*.safetensors")}
    entries = {entry.file for entry in EpisodeStore(str(run_dir / "episodes")).entries(0)}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in facts.items() if name in entries}


@pytest.mark.slow
def test_sigterm_gives_the_leases_back_and_leaves_a_resumable_run(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    process = _start(*_run_arguments(run_dir))
    queue = _queue(run_dir)
    _wait_until(lambda: _done(queue, "rollout") >= 2, "two rollouts")

    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 130, errors.decode()[-3000:]
    assert f"potstill dagger resume {run_dir}" in errors.decode()
    assert json.loads((run_dir / "report.json").read_text())["finished"] is False
