from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from potstill.queues.errors import RequestGoneError, RpcRemoteError, RpcTimeoutError


def take_one(server):
    (request,) = server.take(max_requests=1, wait_seconds=5)
    return request


def answer(server, count, *, window=16, request=None):
    """Stream ``{"n": 0}``, ``{"n": 1}``, ... and the end."""
    writer = server.open_stream(request or take_one(server), window=window)
    for n in range(count):
        writer.send({"n": n})
    writer.end()


def in_background(function, *arguments, **settings):
    thread = threading.Thread(target=function, args=arguments, kwargs=settings)
    thread.start()
    return thread


def test_frames_arrive_in_order_with_their_arrays_and_then_the_end(backend):
    with backend.client().stream({"x": 1}, deadline_seconds=10) as stream:
        server = backend.server()
        request = take_one(server)
        assert request.streamed and request.body == {"x": 1}
        writer = server.open_stream(request)
        for n in range(3):
            writer.send({"image": np.full((2, 2), n, np.uint8)})
        writer.end()
        assert [frame["image"].tolist() for frame in stream] == [[[n, n], [n, n]] for n in range(3)]


def test_an_empty_stream_has_an_end_too(backend):
    stream = backend.client().stream({}, deadline_seconds=10)
    answer(backend.server(), 0)
    assert list(stream) == []


def test_frames_are_read_while_the_server_still_writes(backend):
    client, server = backend.client(), backend.server()
    stream = client.stream({}, deadline_seconds=10)
    writer = server.open_stream(take_one(server))
    frames = iter(stream)
    for n in range(5):
        writer.send({"n": n})
        assert next(frames) == {"n": n}
    writer.end()
    assert list(frames) == []


def test_a_slow_reader_holds_the_writer_back(backend):
    client, server = backend.client(), backend.server()
    stream = client.stream({}, deadline_seconds=20)
    writer, sent = server.open_stream(take_one(server), window=4), []

    def write():
        for n in range(50):
            writer.send({"n": n})
            sent.append(n)
        writer.end()

    thread = in_background(write)
    time.sleep(0.3)
    assert len(sent) == 4
    assert [frame["n"] for frame in stream] == list(range(50))
    thread.join(5)


def test_a_long_stream_through_a_narrow_window_is_not_slowed_by_waiting(backend):
    client, server = backend.client(), backend.server()
    stream = client.stream({}, deadline_seconds=30)
    thread = in_background(answer, server, 300, window=2)
    started = time.monotonic()
    assert [frame["n"] for frame in stream] == list(range(300))
    assert time.monotonic() - started < 10
    thread.join(5)


def test_an_error_frame_ends_the_stream_after_what_came_before(backend):
    client, server = backend.client(), backend.server()
    frames = iter(client.stream({}, deadline_seconds=10))
    writer = server.open_stream(take_one(server))
    writer.send({"n": 0})
    writer.fail("Traceback: ZeroDivisionError")
    assert next(frames) == {"n": 0}
    with pytest.raises(RpcRemoteError, match="ZeroDivisionError"):
        next(frames)
    with pytest.raises(RequestGoneError):
        writer.send({"n": 1})


def test_a_stream_without_an_end_times_out_and_never_ends_silently(backend):
    client, server = backend.client(), backend.server()
    frames = iter(client.stream({}, deadline_seconds=0.4))
    server.open_stream(take_one(server)).send({"n": 0})
    assert next(frames) == {"n": 0}
    with pytest.raises(RpcTimeoutError, match="did not end before its deadline"):
        next(frames)


def test_the_server_learns_of_the_deadline_even_while_it_waits_for_room(backend):
    client, server = backend.client(), backend.server()
    client.stream({}, deadline_seconds=0.5)
    writer = server.open_stream(take_one(server), window=1)
    writer.send({"n": 0})
    started = time.monotonic()
    with pytest.raises(RequestGoneError):
        writer.send({"n": 1})
    assert time.monotonic() - started < 3


def test_the_server_learns_that_the_caller_closed(backend):
    client, server = backend.client(), backend.server()
    stream = client.stream({}, deadline_seconds=10)
    writer = server.open_stream(take_one(server))
    writer.send({"n": 0})
    assert next(iter(stream)) == {"n": 0}
    stream.close()
    stream.close()
    with pytest.raises(RequestGoneError, match="closed by its caller"):
        writer.send({"n": 1})
    writer.fail("nobody hears it")
    assert server.take(max_requests=1, wait_seconds=0) == []


def test_a_stream_its_caller_closed_has_no_more_frames(backend):
    client, server = backend.client(), backend.server()
    stream = client.stream({}, deadline_seconds=10)
    server.open_stream(take_one(server)).send({"n": 0})
    stream.close()
    assert list(stream) == []


def test_a_stream_closed_before_it_was_taken_is_never_handed_out(backend):
    backend.client().stream({"x": "closed"}, deadline_seconds=10).close()
    client = backend.client()
    client.submit({"x": "open"}, deadline_seconds=10)
    (request,) = backend.server().take(max_requests=9, wait_seconds=1)
    assert request.body == {"x": "open"}


def test_another_server_takes_over_where_a_dead_one_stopped_and_no_frame_comes_twice(backend):
    client = backend.client()
    dead, alive = backend.server(redeliver_seconds=0.3), backend.server(redeliver_seconds=5)
    stream = client.stream({}, deadline_seconds=20)
    zombie = dead.open_stream(take_one(dead))
    for n in range(3):
        zombie.send({"n": n})
    frames = iter(stream)
    seen = [next(frames), next(frames)]
    backend.sleep(0.3)
    request = take_one(alive)
    assert request.attempt == 2
    with pytest.raises(RequestGoneError, match="went to another server"):
        zombie.send({"n": 3})
    answer(alive, 5, request=request)
    assert seen + list(frames) == [{"n": n} for n in range(5)]


def test_frames_keep_the_request_from_being_delivered_again(backend):
    client, server = backend.client(), backend.server(redeliver_seconds=0.4)
    stream = client.stream({}, deadline_seconds=20)
    writer = server.open_stream(take_one(server))
    for n in range(5):
        backend.sleep(0.2)
        writer.send({"n": n})
        assert server.take(max_requests=1, wait_seconds=0) == []
    writer.end()
    assert [frame["n"] for frame in stream] == list(range(5))


def test_one_reply_to_a_streamed_request_is_refused_and_an_error_reaches_its_caller(backend):
    client, server = backend.client(), backend.server()
    stream = client.stream({}, deadline_seconds=10)
    request = take_one(server)
    with pytest.raises(ValueError, match="wants a stream"):
        server.reply(request, {"y": 1})
    with pytest.raises(ValueError, match="wants a stream"):
        server.reply_many([(request, {"y": 1})])
    server.reply_error(request, "no streams here")
    with pytest.raises(RpcRemoteError, match="no streams here"):
        list(stream)


def test_a_window_of_none_is_refused(backend):
    server = backend.server()
    backend.client().stream({}, deadline_seconds=10)
    with pytest.raises(ValueError, match="window must be at least 1: got 0"):
        server.open_stream(take_one(server), window=0)
