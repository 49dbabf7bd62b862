from __future__ import annotations

import time

import pytest

from potstill.queues.errors import MalformedMessageError
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server
from potstill.queues.redis_connection import connect
from potstill.queues.redis_keys import RedisKeys

SERVER = """
import sys, time
from potstill.queues.open_rpc import open_rpc_server
url, run, count, pause = sys.argv[1:]
server = open_rpc_server(url, run, "render", redeliver_seconds=0.5)
print("ready", flush=True)
(request,) = server.take(max_requests=1, wait_seconds=20)
writer = server.open_stream(request)
for n in range(int(count)):
    writer.send({"n": n})
    time.sleep(float(pause))
writer.end()
"""


def test_a_stream_of_a_killed_server_is_completed_by_the_next(redis_url, run_name, spawn):
    first = spawn(SERVER, redis_url, run_name, "1000", "0.02")
    assert first.stdout.readline() == "ready\n"
    frames = iter(open_rpc_client(redis_url, run_name, "render").stream({}, deadline_seconds=30))
    seen = [next(frames) for _ in range(5)]
    first.kill()
    spawn(SERVER, redis_url, run_name, "40", "0")
    assert seen + list(frames) == [{"n": n} for n in range(40)]


def test_nothing_is_left_on_the_server_after_a_stream(redis_url, run_name):
    client, server = (end(redis_url, run_name, "render") for end in (open_rpc_client, open_rpc_server))
    for abandoned in (False, True):
        stream = client.stream({}, deadline_seconds=5)
        writer = server.open_stream(server.take(max_requests=1, wait_seconds=1)[0])
        writer.send({"n": 0})
        if abandoned:
            stream.close()
        else:
            writer.end()
            assert list(stream) == [{"n": 0}]
    server.take(max_requests=1, wait_seconds=0)
    assert connect(redis_url).exchange(("KEYS", f"*{run_name}*"))[0] == []


def test_a_stream_whose_caller_died_expires(redis_url, run_name):
    client, server = (end(redis_url, run_name, "render") for end in (open_rpc_client, open_rpc_server))
    client.stream({}, deadline_seconds=0.5)
    server.open_stream(server.take(max_requests=1, wait_seconds=1)[0]).send({"n": 0})
    time.sleep(0.5)
    server.take(max_requests=1, wait_seconds=0)
    raw = connect(redis_url)
    lasting = [n for n in raw.exchange(("KEYS", f"*{run_name}*"))[0] if raw.exchange(("PTTL", n))[0] < 0]
    assert [name.rpartition(b":")[2] for name in lasting] in ([], [b"leases"])


def test_a_frame_sent_again_after_a_lost_connection_is_one_frame(redis_url, run_name):
    client, server = (end(redis_url, run_name, "render") for end in (open_rpc_client, open_rpc_server))
    frames = iter(client.stream({}, deadline_seconds=5))
    writer = server.open_stream(server.take(max_requests=1, wait_seconds=1)[0])
    writer.send({"n": 0})
    writer._number = 0
    writer.send({"n": 0})
    writer.send({"n": 1})
    writer.end()
    assert list(frames) == [{"n": 0}, {"n": 1}]


def test_a_damaged_frame_is_a_typed_error(redis_url, run_name):
    client = open_rpc_client(redis_url, run_name, "render")
    server = open_rpc_server(redis_url, run_name, "render")
    stream = client.stream({}, deadline_seconds=5)
    (request,) = server.take(max_requests=1, wait_seconds=1)
    base = RedisKeys(run_name).service("render")
    connect(redis_url).exchange(("XADD", f"{base}frames:{request.id}", "1-0", "frame", b"\x80\x04noise"))
    with pytest.raises(MalformedMessageError):
        list(stream)
