"""Faults in real processes against a real server: clocks, long work, cancellation, outages, hostile bytes."""

from __future__ import annotations

import random
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.codec import encode
from potstill.queues.lease_keeper import LeaseKeeper
from potstill.queues.open_queue import open_queue
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server
from potstill.queues.redis_connection import connect
from potstill.queues.redis_keys import RedisKeys
from potstill.queues.task import Ledger, Task

#: A worker whose wall clock is wrong, from before the first import of ours. It works on one task for three leases.
WORKER = """
import sys, time
shift, url, run = float(sys.argv[1]), *sys.argv[2:]
right = time.time
time.time = lambda: right() + shift
from potstill.queues.lease_keeper import LeaseKeeper
from potstill.queues.open_queue import open_queue
queue = open_queue(url, run)
with LeaseKeeper(url, run, lease_seconds=1.0, owner="wrong-clock", facts={}) as keeper:
    (lease,) = queue.lease(["k"], owner="wrong-clock", lease_seconds=1.0, wait_seconds=10)
    keeper.hold(lease)
    print(lease.deadline - right(), flush=True)
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        assert not keeper.lost()
        time.sleep(0.05)
    keeper.drop(lease)
    queue.ack(lease, {"by": "wrong-clock"})
"""


@pytest.mark.parametrize("shift", [3600.0, -3600.0])
def test_a_worker_whose_clock_is_an_hour_off_works_as_any_other(redis_url, run_name, spawn, shift):
    queue = open_queue(redis_url, run_name)
    queue.put([Task(id="t", kind="k", group="g")])
    worker = spawn(WORKER, str(shift), redis_url, run_name)
    assert 0.0 < float(worker.stdout.readline()) < 5.0
    # Another worker looks for expired leases all the time and must find none.
    while worker.poll() is None:
        assert queue.lease(["k"], owner="other", lease_seconds=1.0, wait_seconds=0.1) == []
    assert worker.returncode == 0
    assert queue.results("g") == {"t": {"by": "wrong-clock"}}
    assert queue.ledger("g") == Ledger(submitted=1, done=1)


def test_a_task_sixty_times_longer_than_its_lease_is_done_once(redis_url, run_name):
    queue, lease_seconds = open_queue(redis_url, run_name), 0.25
    queue.put([Task(id="t", kind="k", group="g")])
    with LeaseKeeper(redis_url, run_name, lease_seconds=lease_seconds, owner="w", facts={}) as keeper:
        (lease,) = queue.lease(["k"], owner="w", lease_seconds=10.0, wait_seconds=1)
        keeper.hold(lease)
        end, taken = time.monotonic() + 60 * lease_seconds, []
        while time.monotonic() < end:
            taken += queue.lease(["k"], owner="other", lease_seconds=10.0, wait_seconds=0.2)
        assert taken == [] and keeper.lost() == frozenset()
        keeper.drop(lease)
        queue.ack(lease)
    assert queue.ledger("g") == Ledger(submitted=1, done=1)
    assert queue.metrics().deliveries == 1


def test_who_works_on_a_cancelled_round_knows_it_within_a_lease(redis_url, run_name):
    queue, lease_seconds = open_queue(redis_url, run_name), 1.5
    queue.put([Task(id=f"t{n}", kind="k", group="round_01.rollout") for n in range(8)])
    with LeaseKeeper(redis_url, run_name, lease_seconds=lease_seconds, owner="w", facts={}) as keeper:
        leases = queue.lease(["k"], owner="w", max_tasks=4, lease_seconds=lease_seconds, wait_seconds=1)
        for lease in leases:
            keeper.hold(lease)
        assert queue.cancel("round_01.rollout") == 8
        cancelled = time.monotonic()
        while len(keeper.lost()) < 4:
            assert time.monotonic() - cancelled < lease_seconds
            time.sleep(0.01)
    assert queue.ledger("round_01.rollout") == Ledger(submitted=8, cancelled=8)


def test_redis_away_for_a_tenth_of_the_promised_time_costs_nobody_anything(tmp_path):
    """30 s of outage and 60 s of patience, scaled 1:10; the leases outlive the outage as they do there."""
    outage, patience = 3.0, 6.0
    server = EmbeddedRedis(tmp_path)
    queue = open_queue(server.url, "run", outage_seconds=patience)
    client = open_rpc_client(server.url, "run", "render", outage_seconds=patience)
    rpc_server = open_rpc_server(server.url, "run", "render", outage_seconds=patience)
    queue.put([Task(id=f"t{n}", kind="k", group="g") for n in range(30)])
    pending, stop = [client.submit({"x": x}, deadline_seconds=30) for x in range(10)], threading.Event()

    def work():
        while not stop.is_set():
            for lease in queue.lease(["k"], owner="w", lease_seconds=60.0, wait_seconds=0.2):
                time.sleep(0.05)
                queue.ack(lease)

    def serve():
        while not stop.is_set():
            for request in rpc_server.take(max_requests=2, wait_seconds=0.2):
                time.sleep(0.05)
                rpc_server.reply(request, {"y": request.body["x"]})

    threads = [threading.Thread(target=target) for target in (work, serve)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    server.stop()
    time.sleep(outage)
    with EmbeddedRedis(tmp_path):
        assert queue.gather("g", wait_seconds=15) == Ledger(submitted=30, done=30)
        assert [reply.result()["y"] for reply in pending] == list(range(10))
        stop.set()
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()


SOUND = encode({"x": 1, "y": [1.5, "text"], "raw": b"bytes"})


@st.composite
def hostile_bytes(draw):
    """Noise, or a sound message that was cut, prolonged, or changed in some bytes."""
    kind = draw(st.sampled_from(["noise", "cut", "longer", "changed", "version", "huge"]))
    if kind == "noise":
        return draw(st.binary(max_size=200))
    if kind == "cut":
        return SOUND[: draw(st.integers(0, len(SOUND) - 1))]
    if kind == "longer":
        return SOUND + draw(st.binary(min_size=1, max_size=50))
    if kind == "version":
        return SOUND[:4] + bytes([draw(st.integers(2, 255))]) + SOUND[5:]
    if kind == "huge":
        return SOUND[:8] + draw(st.integers(2**32, 2**64 - 1)).to_bytes(8, "little") + SOUND[16:]
    place = draw(st.integers(0, len(SOUND) - 1))
    return SOUND[:place] + bytes([SOUND[place] ^ draw(st.integers(1, 255))]) + SOUND[place + 1 :]


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@given(raw=hostile_bytes())
@FUZZ
def test_a_hostile_task_is_never_executed_and_the_worker_goes_on(redis_url, raw):
    run = f"fuzz-{random.Random(raw).getrandbits(60):x}"
    queue, keys = open_queue(redis_url, run), RedisKeys(run)
    queue.put([Task(id=name, kind="k", group="g") for name in ("hostile", "sound")])
    connect(redis_url).exchange(("HSET", keys.of("task", "hostile"), "payload", raw))
    executed = []
    while leases := queue.lease(["k"], owner="w", max_tasks=2, lease_seconds=30, wait_seconds=0):
        executed += [lease.task.id for lease in leases]
        for lease in leases:
            queue.ack(lease)
    assert executed == ["sound"]
    (letter,) = queue.dead_letters()
    assert letter.task.id == "hostile" and "payload cannot be read" in letter.error
    queue.purge()


@given(raw=hostile_bytes())
@FUZZ
def test_hostile_requests_replies_and_heartbeats_hurt_only_themselves(redis_url, raw):
    run = f"fuzz-{random.Random(raw).getrandbits(60):x}"
    connection, base = connect(redis_url), RedisKeys(run).service("render")
    client, server = open_rpc_client(redis_url, run, "render"), open_rpc_server(redis_url, run, "render")
    hostile, sound = (client.submit({"x": x}, deadline_seconds=20) for x in range(2))
    first = connection.exchange(("LINDEX", base + "waiting", 0))[0].decode()
    connection.exchange(("HSET", f"{base}request:{first}", "body", raw))
    (request,) = server.take(max_requests=5, wait_seconds=1)
    (inbox,) = connection.exchange(("HMGET", f"{base}request:{request.id}", "inbox"))[0]
    connection.exchange(("RPUSH", inbox, raw))
    server.reply(request, {"y": 7})
    assert sound.result() == {"y": 7}
    with pytest.raises(Exception, match="request cannot be read"):
        hostile.result()
    queue = open_queue(redis_url, run)
    queue.publish_heartbeat("sound", {"kind": "k"}, ttl_seconds=30)
    queue.publish_heartbeat("hostile", {}, ttl_seconds=30)
    connection.exchange(("HSET", RedisKeys(run).of("workers"), "hostile", raw))
    workers = queue.workers()
    assert workers["sound"] == {"kind": "k"} and "cannot be read" in workers["hostile"]["error"]
    queue.purge()
