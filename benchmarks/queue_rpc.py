"""Remote calls against a bare LPUSH/BLPOP round trip between two processes on the same server.

``python benchmarks/queue_rpc.py [--quick]`` starts its own server; the last line is one JSON object. Bare: redis-py,
the same message, no id, no deadline, no second delivery. One call at a time (``call``), bare and ours in turns, so that
a busy moment of the machine falls on both; then calls with 32 in flight. Every reply is compared with its
request; ``lost``: requests without their own reply.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
import uuid

import numpy as np
import redis
from measurement import print_measurement

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.codec import encode
from potstill.queues.errors import RpcTimeoutError
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server

IN_FLIGHT = 32
STATE = np.zeros(300)


def serve_bare(url):
    """Answer LPUSH with LPUSH."""
    client = redis.Redis.from_url(url)
    while True:
        if taken := client.blpop("bare:requests", 1):
            client.lpush("bare:replies", taken[1])


def serve_rpc(url, run):
    """Answer every request with its own number."""
    server = open_rpc_server(url, run, "echo")
    while True:
        requests = server.take(max_requests=IN_FLIGHT, wait_seconds=1.0)
        server.reply_many([(request, {"index": request.body["index"]}) for request in requests])


def milliseconds(work, indices):
    """Wall time of each call."""
    times = []
    for index in indices:
        started = time.perf_counter()
        work(index)
        times.append(1000 * (time.perf_counter() - started))
    return times


class Calls:
    """Requests of both sides, and how many of ours never got their own reply."""

    def __init__(self, url, run):
        self._bare = redis.Redis.from_url(url)
        self._client = open_rpc_client(url, run, "echo")
        self._message = encode({"state": STATE, "index": 0})
        self.sent = self.answered = 0

    def bare(self, index):
        """There and back, nothing else."""
        self._bare.lpush("bare:requests", self._message)
        self._bare.blpop("bare:replies", 10)

    def one(self, index):
        """One call."""
        self._await(lambda: self._client.call(self._body(index), deadline_seconds=30), index)

    def many(self, index):
        """``IN_FLIGHT`` requests before the first reply is awaited."""
        numbers = range(index, index + IN_FLIGHT)
        pending = [self._client.submit(self._body(number), deadline_seconds=30) for number in numbers]
        for number, reply in zip(numbers, pending, strict=True):
            self._await(reply.result, number)

    def _body(self, index):
        self.sent += 1
        return {"state": STATE, "index": index}

    def _await(self, reply, index):
        try:
            self.answered += reply() == {"index": index}
        except RpcTimeoutError:
            pass  # counted as lost


def measure(url, run, count):
    """A fifth of the calls one at a time, the others with many in flight."""
    calls = Calls(url, run)
    for work in (calls.bare, calls.one):
        milliseconds(work, range(50))
    bare, ours = [], []
    for index in range(count // 5):
        bare += milliseconds(calls.bare, [index])
        ours += milliseconds(calls.one, [index])
    flights = milliseconds(calls.many, range(0, count - len(ours), IN_FLIGHT))
    figures = {
        "calls": calls.sent,
        "lost": calls.sent - calls.answered,
        "one_at_a_time": len(ours),
        "calls_per_s_in_flight": 1000 * IN_FLIGHT / statistics.median(flights),
    }
    ratios = {}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ranked = [sorted(times)[int(share * (len(times) - 1))] for times in (bare, ours)]
        figures |= {f"bare_{name}_ms": ranked[0], f"rpc_{name}_ms": ranked[1]}
        ratios[f"{name}_vs_bare"] = ranked[1] / ranked[0]
    return figures, ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5,000 calls instead of 100,000")
    count = 5_000 if parser.parse_args().quick else 100_000
    spawn, run = multiprocessing.get_context("spawn"), uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(folder) as server:
        sides = [(serve_bare, (server.url,)), (serve_rpc, (server.url, run))]
        processes = [spawn.Process(target=target, args=words, daemon=True) for target, words in sides]
        for process in processes:
            process.start()
        try:
            figures, ratios = measure(server.url, run, count)
        finally:
            for process in processes:
                process.kill()
    print_measurement("queue_rpc", figures, ratios)


if __name__ == "__main__":
    main()
