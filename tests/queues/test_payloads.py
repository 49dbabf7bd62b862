from __future__ import annotations

import os
import struct
import time

import msgpack
import numpy as np
import pytest
import xxhash

from potstill.queues.codec import decode, encode
from potstill.queues.errors import LeaseLostError, MalformedMessageError, PayloadMissingError
from potstill.queues.memory_payloads import MemoryPayloads
from potstill.queues.memory_rpc import MemoryRpcClient, MemoryRpcServer
from potstill.queues.memory_rpc_channel import MemoryRpcChannel
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.messages import Messages
from potstill.queues.open_queue import open_queue
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server
from potstill.queues.payload_files import PayloadFiles
from potstill.queues.task import Task

LARGE = np.arange(200_000, dtype=np.float32).reshape(400, 500)
SMALL = np.arange(6, dtype=np.int16)


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "payloads"


@pytest.fixture(params=["files", "memory"])
def store(request, directory):
    return PayloadFiles(directory) if request.param == "files" else MemoryPayloads()


@pytest.fixture
def files(directory):
    """Names of what lies outside of messages at the moment."""
    return lambda: sorted(os.listdir(directory))


def test_large_arrays_lie_outside_and_small_ones_inside(store):
    messages = Messages(store)
    body = messages.encode({"large": [LARGE], "small": SMALL, "empty": LARGE[:0]}, scope="g")
    assert len(body) < 1000
    found = messages.decode(body)
    assert np.array_equal(found["large"][0], LARGE) and found["large"][0].dtype == LARGE.dtype
    assert np.array_equal(found["small"], SMALL) and found["empty"].shape == (0, 500)
    assert not found["large"][0].flags.writeable


def test_strided_and_foreign_order_arrays_keep_their_values(store):
    messages = Messages(store)
    swapped = LARGE.astype(">f8")
    found = messages.decode(messages.encode({"strided": LARGE[::2, ::-1], "swapped": swapped}, scope="g"))
    assert np.array_equal(found["strided"], LARGE[::2, ::-1])
    assert found["swapped"].dtype == swapped.dtype and np.array_equal(found["swapped"], swapped)


def test_freed_bytes_are_a_typed_error_and_what_is_in_use_stays(store):
    messages = Messages(store)
    body, other = (messages.encode({"large": LARGE}, scope=scope) for scope in ("g", "g-2"))
    found = messages.decode(body)
    assert store.free("g") == 1
    with pytest.raises(PayloadMissingError, match="g+"):
        messages.decode(body)
    assert np.array_equal(found["large"], LARGE)
    assert np.array_equal(messages.decode(other)["large"], LARGE)
    store.free_all()
    with pytest.raises(PayloadMissingError):
        messages.decode(other)


def test_what_is_taken_is_there_no_more_but_for_the_taker(store):
    messages = Messages(store)
    body = messages.encode({"large": LARGE}, scope="g")
    found = messages.take(body)
    assert store.free("g") == 0
    assert np.array_equal(found["large"], LARGE)


def test_200_megabytes_travel_by_reference(directory):
    large = np.arange(200_000_000, dtype=np.uint8)
    messages = Messages(PayloadFiles(directory))
    body = messages.encode({"large": large}, scope="g")
    assert len(body) < 1000
    found = messages.take(body)["large"]
    assert found.nbytes == 200_000_000 and np.array_equal(found[::10_007], large[::10_007])


def test_without_a_place_large_messages_are_refused_and_references_are_malformed(store):
    with pytest.raises(ValueError, match="give the queue a directory for payloads"):
        encode({"large": np.zeros(70_000_000, np.uint8)})
    body = Messages(store).encode({"large": LARGE}, scope="g")
    with pytest.raises(MalformedMessageError, match="no directory for payloads was given"):
        decode(body)


def test_a_changed_or_cut_file_is_noticed(directory, files):
    messages = Messages(PayloadFiles(directory))
    body = messages.encode({"large": LARGE}, scope="g")
    path = directory / files()[0]
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    with pytest.raises(MalformedMessageError, match="does not match its checksum"):
        messages.decode(body)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MalformedMessageError, match="bytes: its message says"):
        messages.decode(body)


def reference_to(name, count=4):
    """A message that is right in everything but names this file."""
    described = msgpack.packb(["|u1", [count], name, 0])
    structure = msgpack.packb({"x": msgpack.ExtType(2, described)})
    body = structure + bytes(-len(structure) % 16)
    header = struct.pack(
        "<4sB3xQQQ",
        b"ptsl",
        1,
        len(body),
        len(structure),
        xxhash.xxh3_64_intdigest(body, seed=len(structure)),
    )
    return header + body


@pytest.mark.parametrize(
    "name",
    ["../secret", "/etc/passwd", "g", "", "g+" + "0" * 31, "g+" + "0" * 32 + "/../../x", "../a+" + "0" * 32],
)
def test_a_name_that_could_leave_the_directory_is_malformed(directory, tmp_path, name):
    (tmp_path / "secret").write_bytes(b"1234")
    with pytest.raises(MalformedMessageError, match="is not the name of a payload file"):
        Messages(PayloadFiles(directory)).decode(reference_to(name))


def test_a_link_is_not_followed(directory, tmp_path):
    store = PayloadFiles(directory)
    (tmp_path / "secret").write_bytes(b"1234")
    name = "g+" + "0" * 32
    (directory / name).symlink_to(tmp_path / "secret")
    with pytest.raises(PayloadMissingError, match="cannot be read"):
        Messages(store).decode(reference_to(name))


def test_only_the_owner_may_look_and_bad_settings_are_refused(directory, files):
    store = PayloadFiles(directory)
    Messages(store).encode({"large": LARGE}, scope="g")
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / files()[0]).stat().st_mode & 0o777 == 0o600
    with pytest.raises(ValueError, match="scope must be like an id"):
        store.write("../x", memoryview(LARGE.tobytes()))
    with pytest.raises(ValueError, match="threshold_bytes must not be negative"):
        PayloadFiles(directory, threshold_bytes=-1)


def test_what_dead_callers_left_is_swept_and_nothing_else(directory, files):
    messages = Messages(PayloadFiles(directory))
    for scope in ("call.a", "reply.a", "task.a", "call.b"):
        messages.encode({"large": LARGE}, scope=scope)
    long_ago = time.time() - 100_000
    for name in files():
        if name.startswith(("call.a", "reply.a", "task.a")):
            os.utime(directory / name, (long_ago, long_ago))
    assert PayloadFiles(directory).sweep() == 2
    assert [name.split("+")[0] for name in files()] == ["call.b", "task.a"]


@pytest.fixture(params=["redis", "memory"])
def ends(request, redis_url, run_name, directory):
    """A task queue, a client and a server whose large arrays lie outside."""
    if request.param == "memory":
        store = MemoryPayloads()
        channel = MemoryRpcChannel(payloads=store)
        return MemoryTaskQueue(payloads=store), MemoryRpcClient(channel), MemoryRpcServer(channel)
    place = {"payload_directory": str(directory)}
    return (
        open_queue(redis_url, run_name, **place),
        open_rpc_client(redis_url, run_name, "render", **place),
        open_rpc_server(redis_url, run_name, "render", **place),
    )


def test_tasks_and_results_by_reference_live_until_their_group_is_forgotten(ends):
    queue, *_ = ends
    queue.put([Task(id=name, kind="k", group=name, payload={"x": LARGE}) for name in ("a", "b")])
    lease, _ = queue.lease(["k"], owner="w", max_tasks=2, lease_seconds=30, wait_seconds=0)
    assert np.array_equal(lease.task.payload["x"], LARGE)
    queue.ack(lease, {"y": LARGE + 1})
    assert np.array_equal(queue.results("a")["a"]["y"], LARGE + 1)
    queue.revive(["a"])
    again = queue.lease(["k"], owner="w", lease_seconds=30, wait_seconds=0)[0]
    assert np.array_equal(again.task.payload["x"], LARGE)
    queue.cancel("a")
    with pytest.raises(LeaseLostError):
        queue.ack(again)
    assert queue.forget("a") == 1


def test_calls_and_streams_by_reference_leave_nothing_behind(ends, request):
    _, client, server = ends
    pending = client.submit({"x": LARGE}, deadline_seconds=10)
    (call,) = server.take(max_requests=1, wait_seconds=1)
    server.reply(call, {"y": call.body["x"] + 1})
    assert np.array_equal(pending.result()["y"], LARGE + 1)
    assert np.array_equal(pending.result()["y"], LARGE + 1)
    stream = client.stream({"x": LARGE}, deadline_seconds=10)
    (call,) = server.take(max_requests=1, wait_seconds=1)
    writer = server.open_stream(call)
    for n in range(3):
        writer.send({"y": call.body["x"] + n})
    writer.end()
    assert [float(frame["y"][0, 0]) for frame in stream] == [0.0, 1.0, 2.0]


def test_files_are_removed_after_use(redis_url, run_name, directory, files):
    place = {"payload_directory": str(directory)}
    client, server = (
        end(redis_url, run_name, "render", **place) for end in (open_rpc_client, open_rpc_server)
    )
    pending = client.submit({"x": LARGE}, deadline_seconds=10)
    (call,) = server.take(max_requests=1, wait_seconds=1)
    server.reply(call, {"y": call.body["x"]})
    pending.result()
    with pytest.raises(Exception, match="no reply"):
        client.submit({"x": LARGE}, deadline_seconds=0.05).result()
    client.stream({"x": LARGE}, deadline_seconds=10).close()
    assert files() == []
    queue = open_queue(redis_url, run_name, **place)
    queue.put([Task(id="a", kind="k", group="a", payload={"x": LARGE})])
    assert len(files()) == 1
    queue.purge()
    assert files() == []


def test_a_task_whose_file_is_gone_is_a_dead_letter_and_the_next_is_served(
    redis_url, run_name, directory, files
):
    queue = open_queue(redis_url, run_name, payload_directory=str(directory))
    queue.put([Task(id="a", kind="k", group="g", payload={"x": LARGE})])
    for name in files():
        (directory / name).unlink()
    queue.put([Task(id="b", kind="k", group="g", payload={"x": LARGE})])
    leases = queue.lease(["k"], owner="w", max_tasks=2, lease_seconds=30, wait_seconds=0)
    assert [lease.task.id for lease in leases] == ["b"]
    (letter,) = queue.dead_letters()
    assert letter.task.id == "a" and "payload file" in letter.error
