from __future__ import annotations

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.launch.engine.live_facts import live_facts
from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task


def test_a_live_queue_tells_what_waits_what_is_done_and_who_works(tmp_path):
    with EmbeddedRedis(tmp_path / "redis") as server:
        queue = open_queue(server.url, "r-1")
        queue.put([Task(id=f"t{n}", kind="rollout", group="round_00.rollout") for n in range(2)])
        (lease,) = queue.lease(["rollout"], owner="rollout-0", lease_seconds=30.0, wait_seconds=0.0)
        queue.ack(lease, {"steps": 1})
        queue.publish_heartbeat("rollout-0", {"kind": "rollout", "pid": 7}, ttl_seconds=60)
        # The progress of a training is published in the same way, and is no worker.
        queue.publish_heartbeat("progress.t9", {"step": 3}, ttl_seconds=60)
        facts = live_facts(server.url, "r-1")
        other = live_facts(server.url, "r-2")
    assert facts["queue"] == {"rollout": 1}
    assert 0.0 <= facts["oldest_waiting_seconds"]["rollout"] < 60.0
    (ledger,) = facts["ledger"]
    assert (ledger["group"], ledger["submitted"], ledger["waiting"], ledger["done"]) == (
        "round_00.rollout",
        2,
        1,
        1,
    )
    assert facts["workers"] == {"rollout-0": {"kind": "rollout", "pid": 7}}
    assert other == {"queue": {}, "oldest_waiting_seconds": {}, "ledger": [], "workers": {}}


def test_a_server_that_does_not_answer_is_no_error():
    assert live_facts("redis://127.0.0.1:1", "r-1") == {}
