from __future__ import annotations

import os
import signal
import time

from potstill.queues.open_rpc import open_rpc_client, open_rpc_server
from potstill.queues.redis_connection import connect
from potstill.queues.redis_keys import RedisKeys

SERVER = """
import sys
from potstill.queues.open_rpc import open_rpc_server
url, run = sys.argv[1:]
server = open_rpc_server(url, run, "render", redeliver_seconds=0.5)
print("ready", flush=True)
while True:
    requests = server.take(max_requests=8, wait_seconds=1.0)
    server.reply_many([(request, {"y": request.body["x"] + 1}) for request in requests])
"""


def test_of_2000_calls_none_is_lost_though_a_server_is_killed(redis_url, run_name, spawn):
    servers = [spawn(SERVER, redis_url, run_name) for _ in range(2)]
    for server in servers:
        assert server.stdout.readline() == "ready\n"
    client = open_rpc_client(redis_url, run_name, "render")
    in_flight, answers = [], []
    for x in range(2000):
        in_flight.append(client.submit({"x": x}, deadline_seconds=30))
        if x == 1000:
            os.kill(servers[0].pid, signal.SIGKILL)
        if len(in_flight) == 32:
            answers += [pending.result()["y"] for pending in in_flight]
            in_flight = []
    answers += [pending.result()["y"] for pending in in_flight]
    assert answers == list(range(1, 2001))


def test_a_request_taken_by_a_killed_server_is_answered_by_the_next(redis_url, run_name, spawn):
    hung = SERVER.replace("server.reply_many", "print('taken', flush=True) or __import__('time').sleep(60)")
    first = spawn(hung, redis_url, run_name)
    assert first.stdout.readline() == "ready\n"
    pending = open_rpc_client(redis_url, run_name, "render").submit({"x": 1}, deadline_seconds=20)
    assert first.stdout.readline() == "taken\n"
    first.kill()
    killed = time.monotonic()
    spawn(SERVER, redis_url, run_name)
    assert pending.result() == {"y": 2}
    assert time.monotonic() - killed < 5


def test_a_damaged_request_is_answered_with_an_error_and_the_next_is_served(redis_url, run_name):
    client = open_rpc_client(redis_url, run_name, "render")
    server = open_rpc_server(redis_url, run_name, "render")
    damaged = client.submit({"x": 1}, deadline_seconds=5)
    raw, base = connect(redis_url), RedisKeys(run_name).service("render")
    (name,) = raw.exchange(("LRANGE", base + "waiting", 0, -1))[0]
    raw.exchange(("HSET", f"{base}request:{name.decode()}", "body", b"\x80\x04damaged"))
    sound = client.submit({"x": 2}, deadline_seconds=5)
    (request,) = server.take(max_requests=2, wait_seconds=1)
    server.reply(request, {"ok": True})
    assert sound.result() == {"ok": True}
    try:
        damaged.result()
    except Exception as error:
        assert "request cannot be read" in str(error)
    else:
        raise AssertionError("a damaged request was answered")


def test_nothing_is_left_on_the_server_but_inboxes_that_expire(redis_url, run_name):
    client = open_rpc_client(redis_url, run_name, "render")
    server = open_rpc_server(redis_url, run_name, "render")
    for x in range(20):
        client.submit({"x": x}, deadline_seconds=0.2 if x % 2 else 5)
    for request in server.take(max_requests=20, wait_seconds=1)[::2]:
        server.reply(request, {})
    time.sleep(0.25)
    server.take(max_requests=20, wait_seconds=0)
    raw = connect(redis_url)
    names = raw.exchange(("KEYS", f"*{run_name}*"))[0]
    lasting = [name for name in names if raw.exchange(("PTTL", name))[0] < 0]
    assert [name.rpartition(b":")[2] for name in lasting] == [b"leases"]
    client.close()
    assert not [name for name in raw.exchange(("KEYS", f"*{run_name}*"))[0] if b":inbox:" in name]
