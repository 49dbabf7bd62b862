from __future__ import annotations

import pytest
from filelock import FileLock

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.launch.dagger.status import read_status
from potstill.launch.errors import BadInputError
from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task


def until(events, name, *, round):
    """The story up to and including an event."""
    story = []
    for event, facts in events:
        story.append((event, facts))
        if event == name and facts.get("round") == round:
            return story
    raise AssertionError(name)


def test_a_finished_run_says_so_with_its_rounds(finished_run):
    status = read_status(finished_run.root)
    assert (status["state"], status["finished"], status["stage"]) == ("finished", True, "finished")
    assert [entry["rollouts_committed"] for entry in status["rounds"]] == [3, 3, 3]
    assert status["eta_seconds"] is None and "workers" not in status


def test_a_run_without_a_runner_is_interrupted_and_says_where(make_run, events_of_run):
    run = make_run("run", events=until(events_of_run(), "rollouts_progress", round=1))
    status = read_status(run.root)
    assert (status["state"], status["stage"], status["round"]) == ("interrupted", "rollouts", 1)
    assert (status["done"], status["requested"], status["last_round"]) == (1, 3, 2)
    assert status["eta_seconds"] is None


def test_a_run_that_is_alive_says_when_it_ends(make_run, events_of_run):
    run = make_run("run", events=until(events_of_run(), "rollouts_progress", round=1))
    with FileLock(run.root / ".runner.lock"):
        status = read_status(run.root)
    assert status["state"] == "running" and status["eta_seconds"] > 0


def test_looking_does_not_keep_a_runner_from_its_lock(finished_run):
    read_status(finished_run.root)
    with FileLock(finished_run.root / ".runner.lock", timeout=0):
        pass


@pytest.mark.parametrize(
    ("shares", "advice"),
    [
        (
            {"rollout": 0.3, "render": 0.95},
            "rollout workers wait for pictures: potstill dagger scale {run} --render 2",
        ),
        (
            {"rollout": 0.9, "render": 0.2},
            "render workers wait for scenes: potstill dagger scale {run} --rollout 2",
        ),
        ({"rollout": 0.9, "render": 0.9}, "balanced"),
        ({"rollout": 0.9}, "too early to say"),
    ],
)
def test_a_live_run_shows_queue_ledger_and_workers_and_advises(make_run, events_of_run, shares, advice):
    run = make_run("run", events=until(events_of_run(), "rollouts_progress", round=0))
    with EmbeddedRedis(run.root / "redis") as server, FileLock(run.root / ".runner.lock"):
        queue = open_queue(server.url, "demo-1")
        queue.put([Task(id=f"t.{i}", kind="rollout", group="round_00.rollout") for i in range(3)])
        queue.lease(["rollout"], owner="w", lease_seconds=60, wait_seconds=0)
        for kind, share in shares.items():
            facts = {"kind": kind, "pid": 1, "busy_share": share}
            queue.publish_heartbeat(f"{kind}-0", facts, ttl_seconds=60)
        queue.publish_heartbeat("progress.t.1", {"step": 3}, ttl_seconds=60)
        status = read_status(run.root)
    assert status["queue"] == {"rollout": 2}
    (ledger,) = status["ledger"]
    assert (ledger["group"], ledger["submitted"], ledger["leased"]) == ("round_00.rollout", 3, 1)
    assert {owner: facts["kind"] for owner, facts in status["workers"].items()} == {
        f"{k}-0": k for k in shares
    }
    assert status["advice"] == advice.format(run=run.root)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="is not a run directory"):
        read_status(tmp_path)


def test_with_a_url_the_queue_of_a_run_elsewhere_is_shown(make_run, events_of_run, tmp_path):
    run = make_run("run", events=until(events_of_run(), "rollouts_progress", round=0))
    with EmbeddedRedis(tmp_path / "elsewhere") as server:
        queue = open_queue(server.url, "demo-1")
        queue.put([Task(id="t", kind="rollout", group="round_00.rollout")])
        for kind, share in (("rollout", 0.3), ("render", 0.9)):
            queue.publish_heartbeat(f"{kind}-0", {"kind": kind, "busy_share": share}, ttl_seconds=60)
        status = read_status(run.root, redis_url=server.url)
    assert status["state"] == "interrupted" and status["queue"] == {"rollout": 1}
    assert 0.0 <= status["oldest_waiting_seconds"]["rollout"] < 60.0
    assert set(status["workers"]) == {"rollout-0", "render-0"}
    assert status["advice"].endswith(f"potstill dagger scale {run.root} --render 2")
