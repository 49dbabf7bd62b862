"""Round trips through the queue room: remote calls, leased tasks and the codec, each against the barest way.

``python benchmarks/queue_rpc.py [--quick]`` starts its own server; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.codec import decode, encode
from potstill.queues.open_queue import open_queue
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server
from potstill.queues.redis_connection import connect
from potstill.queues.task import Task

sys.path.insert(0, str(Path(__file__).parent))
from measurement import print_measurement

BATCH = 32


def serve_bare(url):
    """Answer LPUSH with LPUSH."""
    connection = connect(url)
    while True:
        answer = connection.exchange(("BLPOP", "bare:requests", 1))[0]
        if answer:
            connection.exchange(("LPUSH", "bare:replies", answer[1]))


def serve_rpc(url, run):
    """Answer every request with its own body."""
    server = open_rpc_server(url, run, "echo")
    while True:
        requests = server.take(max_requests=BATCH, wait_seconds=1.0)
        server.reply_many([(request, request.body) for request in requests])


def milliseconds(work, count):
    """Wall time of each of ``count`` calls."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - started))
    return times


def quantiles(name, times):
    times = sorted(times)
    return {f"{name}_p50_ms": statistics.median(times), f"{name}_p99_ms": times[int(0.99 * (len(times) - 1))]}


def measure_calls(url, run, count):
    client, bare = open_rpc_client(url, run, "echo"), connect(url)
    body = {"state": np.zeros(300), "seed": 7}
    message = encode(body)

    def bare_call():
        bare.exchange(("LPUSH", "bare:requests", message))
        bare.exchange(("BLPOP", "bare:replies", 1))

    def call():
        client.submit(body, deadline_seconds=10).result()

    def batch_of_calls():
        for pending in [client.submit(body, deadline_seconds=10) for _ in range(BATCH)]:
            pending.result()

    for work in (bare_call, call):
        milliseconds(work, 50)
    bare_times, times = [], []
    # In turns, so that a busy moment of the machine falls on both.
    for _ in range(10):
        bare_times += milliseconds(bare_call, count // 10)
        times += milliseconds(call, count // 10)
    in_batches = milliseconds(batch_of_calls, max(5, count // BATCH))
    figures = quantiles("bare_round_trip", bare_times) | quantiles("rpc_round_trip", times)
    figures["rpc_batched_calls_per_s"] = 1000 * BATCH / statistics.median(in_batches)
    return figures, {"rpc_p50_vs_bare": figures["rpc_round_trip_p50_ms"] / figures["bare_round_trip_p50_ms"]}


def measure_tasks(url, run, count):
    queue = open_queue(url, run)
    started = time.perf_counter()
    queue.put([Task(id=f"t{index}", kind="k", group="g", payload={"seed": index}) for index in range(count)])
    put_seconds = time.perf_counter() - started

    def cycle():
        (lease,) = queue.lease(["k"], owner="w", lease_seconds=30, wait_seconds=0)
        queue.ack(lease, {"steps": 100})

    figures = quantiles("lease_and_ack", milliseconds(cycle, count)) | {
        "put_tasks_per_s": count / put_seconds
    }
    assert queue.ledger("g").done == count
    return figures, {}


def measure_codec(count):
    image = np.random.default_rng(0).integers(0, 255, (1024, 1024), np.uint8)
    data = encode({"image": image})
    copy = statistics.median(milliseconds(image.tobytes, count))
    there = statistics.median(milliseconds(lambda: encode({"image": image}), count))
    back = statistics.median(milliseconds(lambda: decode(data), count))
    figures = {"copy_1mb_ms": copy, "encode_1mb_ms": there, "decode_1mb_ms": back}
    return figures, {"encode_vs_copy": there / copy}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the measurements")
    count = 500 if parser.parse_args().quick else 5000
    spawn, run, figures, ratios = multiprocessing.get_context("spawn"), uuid.uuid4().hex, {}, {}
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(folder) as redis:
        servers = [
            spawn.Process(target=serve_bare, args=(redis.url,), daemon=True),
            spawn.Process(target=serve_rpc, args=(redis.url, run), daemon=True),
        ]
        for server in servers:
            server.start()
        try:
            for found in (
                measure_calls(redis.url, run, count),
                measure_tasks(redis.url, run, count),
                measure_codec(count // 10),
            ):
                figures |= found[0]
                ratios |= found[1]
        finally:
            for server in servers:
                server.kill()
    print_measurement("queue_rpc", figures, ratios)


if __name__ == "__main__":
    main()
