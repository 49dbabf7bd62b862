from __future__ import annotations

import itertools

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.launch.collective.status import read_collective_status
from potstill.launch.errors import BadInputError
from potstill.launch.only_runner import only_runner
from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task


def until(events, name, **facts):
    """The events up to the first of that name with those facts, which is the last one."""
    for event in events:
        yield event
        if event[0] == name and facts.items() <= event[1].items():
            return


def test_a_finished_run(make_collective_run):
    status = read_collective_status(make_collective_run().root)
    assert (status["state"], status["finished"], status["last"]) == ("finished", True, "finished")
    assert (status["recipe"], status["wall_seconds"]) == ("smoke", 123.4)
    assert [row["phase"] for row in status["rounds"]] == ["bootstrap", "on_policy"]
    assert {row["robots"] for row in status["summary"]} == {"all seen", "all unseen", "sawyer", "ur5e"}


def test_a_run_without_a_runner_is_interrupted(make_collective_run, story):
    events = until(story(), "rollouts_progress", round=1)
    status = read_collective_status(make_collective_run(events=events).root)
    assert (status["state"], status["last"]) == ("interrupted", "round 1: episodes 3/4")
    assert "queue" not in status


def test_a_run_that_was_to_stop_after_a_step_is_stopped(make_collective_run, story):
    events = [*until(story(), "rollouts_finished", round=0), ("step_finished", {"step": "collect"})]
    status = read_collective_status(make_collective_run(events=events).root)
    assert (status["state"], status["last"]) == ("stopped", "stopped after collect, as asked")


def test_a_run_of_which_nothing_is_known_yet_is_starting(make_collective_run):
    status = read_collective_status(make_collective_run(events=[]).root)
    assert (status["state"], status["last"], status["rounds"]) == ("interrupted", "starting", [])


def test_every_moment_of_a_run_has_a_status(make_collective_run, story):
    for length in range(0, len(list(story())), 3):
        run = make_collective_run(f"run-{length}", itertools.islice(story(), length))
        assert read_collective_status(run.root)["last"]


def test_a_live_run_tells_its_queue_and_workers(make_collective_run, story):
    run = make_collective_run(events=until(story(), "rollouts_progress", round=0))
    with only_runner(run.root), EmbeddedRedis(run.root / "redis") as server:
        queue = open_queue(server.url, "smoke-1")
        queue.put([Task(id=f"t{n}", kind="rollout", group="round_00.rollout.x") for n in range(3)])
        queue.lease(["rollout"], owner="rollout-0", lease_seconds=30.0, wait_seconds=0.0)
        queue.publish_heartbeat("rollout-0", {"kind": "rollout", "pid": 7}, ttl_seconds=60)
        status = read_collective_status(run.root)
    assert status["state"] == "running" and status["queue"] == {"rollout": 2}
    (ledger,) = status["ledger"]
    assert (ledger["group"], ledger["submitted"], ledger["leased"]) == ("round_00.rollout.x", 3, 1)
    assert status["workers"] == {"rollout-0": {"kind": "rollout", "pid": 7}}


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="is not a run directory"):
        read_collective_status(tmp_path)
