"""Large arrays through the queue: inside the message against SET and GET, by reference against a file of one's own.

``python benchmarks/queue_payload.py [--quick]`` starts its own server; the last line is one JSON object. Every side
runs on one thread of one process, in turns.

- ``inside_1mb``: a call with an array of 1 MB, taken and answered, against SET, GET and DEL of the same bytes with
  redis-py.
- ``by_reference_1mb``, ``by_reference_16mb`` (arrays from 256 KB on, when there is a payload directory): array to
  message and payload file, and back, without a server, against writing the bytes to a file of one's own in the same
  directory, mapping it, reading it once and deleting it. Ours has the message and makes and checks a checksum, for
  which it reads the bytes twice; the file has neither. Processor time of the thread, which does nothing but this.
- ``call_1mb``, ``call_16mb``: a whole call by reference against a call that sends the path of such a file of one's own,
  which the server maps, reads once and deletes: the same round trips on both sides.
"""

from __future__ import annotations

import argparse
import mmap
import statistics
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import redis
from measurement import print_measurement

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.messages import Messages
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server
from potstill.queues.payload_files import PayloadFiles

MEGABYTE = 1_000_000


class CallWithArray:
    """One call, both ends in this thread."""

    def __init__(self, url, payload_directory):
        run = uuid.uuid4().hex
        self._client = open_rpc_client(url, run, "arrays", payload_directory=payload_directory)
        self._server = open_rpc_server(url, run, "arrays", payload_directory=payload_directory)

    def __call__(self, array):
        """There by value or by reference, and an empty answer."""
        with self._sent({"array": array}) as body:
            arrived = body["array"]
            if (arrived[0], arrived[-1], arrived.size) != (array[0], array[-1], array.size):
                raise RuntimeError("another array arrived than was sent")

    def by_path(self, folder, array):
        """The path of a file of one's own there, and an empty answer."""
        write_file(folder / "payload", array)
        with self._sent({"path": str(folder / "payload")}) as body:
            read_file(Path(body["path"]))

    @contextmanager
    def _sent(self, body):
        pending = self._client.submit(body, deadline_seconds=30)
        (request,) = self._server.take(max_requests=1, wait_seconds=30)
        yield request.body
        self._server.reply(request, {})
        pending.result()


def message_by_reference(messages, array):
    """Array to message and file, and back."""
    arrived = messages.take(messages.encode({"array": array}, scope="call.benchmark"))["array"]
    if arrived.size != array.size:
        raise RuntimeError("another array arrived than was sent")


def set_and_get(client, array):
    """The same bytes with nothing around them."""
    client.set("payload", memoryview(array))
    found = client.get("payload")
    client.delete("payload")
    return found


def write_file(path, array):
    """A file of one's own."""
    with path.open("wb", buffering=0) as file:
        file.write(array)


def read_file(path):
    """Maps it, reads it once and deletes it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        np.frombuffer(mapped, np.uint64, len(mapped) // 8).max()
    path.unlink()


def compare(array, sides, turns, clock):
    """MB per second of each side, and ours over bare; medians over the turns."""
    seconds = {name: [] for name in sides}
    for turn in range(turns + 3):
        for name, work in sides.items():
            began = clock()
            work(array)
            if turn >= 3:
                seconds[name].append(clock() - began)
    rates = {name: array.nbytes / MEGABYTE / statistics.median(spent) for name, spent in seconds.items()}
    ratio = statistics.median(bare / ours for ours, bare in zip(*seconds.values(), strict=True))
    return {f"{name}_mb_per_s": rate for name, rate in rates.items()}, ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--directory", default="/dev/shm", help="where the files go (default: %(default)s)")
    options = parser.parse_args()
    turns = 30 if options.quick else 300
    rng = np.random.default_rng(0)
    figures, ratios = {"turns": turns}, {}
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir=options.directory) as shared,
        EmbeddedRedis(folder) as server,
    ):
        messages = Messages(PayloadFiles(f"{shared}/payloads"))
        client = redis.Redis.from_url(server.url)
        inside, outside = CallWithArray(server.url, None), CallWithArray(server.url, f"{shared}/payloads")

        def by_reference(array):
            message_by_reference(messages, array)

        def plain_file(array):
            write_file(Path(shared) / "payload", array)
            read_file(Path(shared) / "payload")

        def call_by_path(array):
            inside.by_path(Path(shared), array)

        cases = {
            "inside_1mb": (MEGABYTE, inside, lambda array: set_and_get(client, array), time.perf_counter),
            "by_reference_1mb": (MEGABYTE, by_reference, plain_file, time.thread_time),
            "by_reference_16mb": (16 * MEGABYTE, by_reference, plain_file, time.thread_time),
            "call_1mb": (MEGABYTE, outside, call_by_path, time.perf_counter),
            "call_16mb": (16 * MEGABYTE, outside, call_by_path, time.perf_counter),
        }
        for name, (size, ours, bare, clock) in cases.items():
            array = rng.integers(0, 255, size, np.uint8)
            sides = {"ours": ours, "bare": bare}
            figures[name], ratios[f"{name}_vs_bare"] = compare(array, sides, turns, clock)
    print_measurement("queue_payload", figures, ratios)


if __name__ == "__main__":
    main()
