from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from potstill.queues.errors import QueueFullError, RpcRemoteError, RpcTimeoutError


def serve(server, stop, *, batch=16):
    """Answer ``{"x": n}`` with ``{"y": 2 n}``."""
    while not stop.is_set():
        requests = server.take(max_requests=batch, wait_seconds=0.1)
        server.reply_many([(request, {"y": request.body["x"] * 2}) for request in requests])


@pytest.fixture
def doubler(backend):
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(backend.server(), stop))
    thread.start()
    yield
    stop.set()
    thread.join(5)


def test_a_request_is_answered_with_arrays_intact(backend):
    client, server = backend.client(), backend.server()
    pending = client.submit({"image": np.ones((2, 3), np.float16)}, deadline_seconds=5)
    (request,) = server.take(max_requests=4, wait_seconds=5)
    assert request.attempt == 1
    assert request.body["image"].dtype == np.float16
    server.reply(request, {"sum": request.body["image"].sum(axis=0)})
    assert pending.result()["sum"].tolist() == [2, 2, 2]
    assert pending.result()["sum"].tolist() == [2, 2, 2]


def test_a_reply_faster_than_its_waiter_is_not_lost(backend):
    client, server = backend.client(), backend.server()
    pending = client.submit({"x": 1}, deadline_seconds=5)
    server.reply(server.take(max_requests=1, wait_seconds=5)[0], {"y": 2})
    time.sleep(0.1)
    assert pending.result(timeout_seconds=1) == {"y": 2}


def test_many_requests_in_flight_are_awaited_in_any_order(backend, doubler):
    client = backend.client()
    pending = [(x, client.submit({"x": x}, deadline_seconds=10)) for x in range(50)]
    random.Random(0).shuffle(pending)
    assert all(reply.result() == {"y": 2 * x} for x, reply in pending)


def test_two_requests_in_flight_are_sent_and_awaited_in_turns(backend, doubler):
    client = backend.client()
    ahead = client.submit({"x": 0}, deadline_seconds=10)
    for x in range(1, 40):
        behind = client.submit({"x": x}, deadline_seconds=10, before=ahead)
        assert ahead.result() == {"y": 2 * (x - 1)}
        ahead = behind
    assert ahead.result() == {"y": 78}


def test_a_request_is_on_its_way_though_nobody_answers_the_one_before(backend):
    client, server = backend.client(), backend.server()
    ahead = client.submit({"x": 1}, deadline_seconds=5)
    (unanswered,) = server.take(max_requests=1, wait_seconds=5)
    behind = client.submit({"x": 2}, deadline_seconds=10, before=ahead)
    (request,) = server.take(max_requests=1, wait_seconds=5)
    server.reply(request, {"y": 4})
    assert behind.result() == {"y": 4}
    server.reply(unanswered, {"y": 2})
    assert ahead.result() == {"y": 2}


def test_where_there_is_no_room_the_reply_before_is_fetched_and_the_request_waits_its_turn(backend):
    client, server = backend.client(max_waiting=1), backend.server()
    ahead = client.submit({"x": 1}, deadline_seconds=20)
    (request,) = server.take(max_requests=1, wait_seconds=5)
    backend.client().submit({"x": 2}, deadline_seconds=20)  # takes the only place
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(client.submit, {"x": 3}, deadline_seconds=20, before=ahead)
        server.reply(request, {"y": 2})
        assert ahead.result() == {"y": 2}
        assert [server.take(max_requests=1, wait_seconds=5)[0].body["x"] for _ in range(2)] == [2, 3]
        sending.result()


def test_threads_that_send_and_await_in_one_share_a_client(backend, doubler):
    client = backend.client()

    def two(x):
        ahead = client.submit({"x": x}, deadline_seconds=10)
        behind = client.submit({"x": -x}, deadline_seconds=10, before=ahead)
        return ahead.result()["y"], behind.result()["y"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(two, range(60))) == [(2 * x, -2 * x) for x in range(60)]


def test_threads_share_a_client(backend, doubler):
    client = backend.client()
    with ThreadPoolExecutor(8) as pool:
        calls = pool.map(lambda x: client.submit({"x": x}, deadline_seconds=10).result(), range(80))
        assert list(calls) == [{"y": 2 * x} for x in range(80)]


def test_a_batch_is_taken_oldest_first_and_no_request_twice(backend):
    client, one, two = backend.client(), backend.server(), backend.server()
    for x in range(5):
        client.submit({"x": x}, deadline_seconds=5)
    assert [r.body["x"] for r in one.take(max_requests=3, wait_seconds=5)] == [0, 1, 2]
    assert [r.body["x"] for r in two.take(max_requests=3, wait_seconds=5)] == [3, 4]
    assert two.take(max_requests=3, wait_seconds=0.05) == []


def test_the_next_requests_come_along_with_the_answers_to_the_last(backend):
    client, server = backend.client(), backend.server()
    pending = [client.submit({"x": x}, deadline_seconds=10) for x in range(4)]
    done, requests = [], server.take(max_requests=1, wait_seconds=5)
    while requests:
        done.append([request.body["x"] for request in requests])
        requests = server.reply_many([(request, {"y": request.body["x"]}) for request in requests], take=2)
    assert done == [[0], [1, 2], [3]]
    assert [reply.result() for reply in pending] == [{"y": x} for x in range(4)]


def test_a_request_that_came_along_is_leased_like_any_other(backend):
    client = backend.client()
    pending = [client.submit({"x": x}, deadline_seconds=10) for x in range(2)]
    dying, heir = backend.server(redeliver_seconds=0.2), backend.server(redeliver_seconds=5)
    (first,) = dying.take(max_requests=1, wait_seconds=5)
    assert len(dying.reply_many([(first, {"y": 0})], take=1)) == 1
    (again,) = heir.take(max_requests=1, wait_seconds=5)
    assert (again.body["x"], again.attempt) == (1, 2)
    heir.reply(again, {"y": 2})
    assert [reply.result() for reply in pending] == [{"y": 0}, {"y": 2}]


def test_a_server_blocks_until_a_request_comes(backend):
    client, server, taken = backend.client(), backend.server(), []

    def work():
        taken.append(server.take(max_requests=1, wait_seconds=10))
        taken.append(time.monotonic())

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(0.2)
    submitted = time.monotonic()
    client.submit({"x": 3}, deadline_seconds=5)
    worker.join(5)
    assert taken[0][0].body == {"x": 3}
    assert taken[1] - submitted < 0.5


def test_the_requests_of_a_dead_server_go_to_the_next(backend):
    client = backend.client()
    dead, alive = backend.server(redeliver_seconds=0.2), backend.server(redeliver_seconds=5)
    pending = client.submit({"x": 1}, deadline_seconds=10)
    (first,) = dead.take(max_requests=1, wait_seconds=5)
    backend.sleep(0.2)
    (second,) = alive.take(max_requests=1, wait_seconds=5)
    assert (second.id, second.attempt) == (first.id, 2)
    alive.reply(second, {"by": "alive"})
    dead.reply(first, {"by": "dead"})
    assert pending.result() == {"by": "alive"}


def test_a_blocked_server_gets_a_redelivery_when_it_is_due(backend):
    client, server = backend.client(), backend.server(redeliver_seconds=0.3)
    client.submit({"x": 1}, deadline_seconds=10)
    server.take(max_requests=1, wait_seconds=5)
    started = time.monotonic()
    assert server.take(max_requests=1, wait_seconds=5)[0].attempt == 2
    assert time.monotonic() - started < 1.3


def test_the_first_reply_wins(backend):
    client, server = backend.client(), backend.server()
    pending = client.submit({"x": 1}, deadline_seconds=5)
    (request,) = server.take(max_requests=1, wait_seconds=5)
    server.reply(request, {"n": 1})
    server.reply(request, {"n": 2})
    server.reply_error(request, "too late")
    assert pending.result() == {"n": 1}


def test_an_expired_request_is_never_handed_out(backend):
    client, server = backend.client(), backend.server()
    client.submit({"x": "late"}, deadline_seconds=0.05)
    client.submit({"x": "fresh"}, deadline_seconds=5)
    backend.sleep(0.05)
    assert [r.body["x"] for r in server.take(max_requests=9, wait_seconds=1)] == ["fresh"]


def test_a_reply_after_the_deadline_is_dropped(backend):
    client, server = backend.client(), backend.server()
    pending = client.submit({"x": 1}, deadline_seconds=0.1)
    (request,) = server.take(max_requests=1, wait_seconds=5)
    backend.sleep(0.1)
    server.reply(request, {"y": 2})
    with pytest.raises(RpcTimeoutError):
        pending.result()


def test_waiting_in_vain_times_out_at_the_deadline(backend):
    started = time.monotonic()
    with pytest.raises(RpcTimeoutError, match="no reply to request"):
        backend.client().submit({"x": 1}, deadline_seconds=0.2).result()
    assert 0.15 < time.monotonic() - started < 1.0


def test_a_reply_may_be_awaited_again_after_a_time_out(backend):
    client, server = backend.client(), backend.server()
    pending = client.submit({"x": 1}, deadline_seconds=5)
    with pytest.raises(RpcTimeoutError):
        pending.result(timeout_seconds=0.05)
    server.reply(server.take(max_requests=1, wait_seconds=1)[0], {"y": 2})
    assert pending.result() == {"y": 2}


def test_an_error_frame_reaches_the_caller_with_its_traceback(backend):
    client, server = backend.client(), backend.server()
    pending = client.submit({"x": 1}, deadline_seconds=5)
    server.reply_error(server.take(max_requests=1, wait_seconds=1)[0], "Traceback: ZeroDivisionError")
    with pytest.raises(RpcRemoteError, match="ZeroDivisionError"):
        pending.result()


def test_services_do_not_meet(backend):
    backend.client("render").submit({"x": 1}, deadline_seconds=5)
    assert backend.server("act").take(max_requests=1, wait_seconds=0.05) == []


def test_an_abandoned_reply_does_not_disturb_the_others(backend, doubler):
    client = backend.client()
    client.submit({"x": 1}, deadline_seconds=5)
    time.sleep(0.05)
    assert client.submit({"x": 4}, deadline_seconds=5).result() == {"y": 8}
    client.close()


def test_a_bounded_client_waits_for_room_and_gives_up_at_the_deadline(backend):
    client, server = backend.client(max_waiting=2), backend.server()
    first, _ = (client.submit({"x": x}, deadline_seconds=10) for x in range(2))
    with pytest.raises(QueueFullError, match="2 are waiting, the most allowed, after 0.2 s"):
        client.submit({"x": 2}, deadline_seconds=0.2)
    late = threading.Thread(target=client.submit, args=({"x": 3},), kwargs={"deadline_seconds": 10})
    late.start()
    time.sleep(0.1)
    assert late.is_alive()
    server.reply(server.take(max_requests=1, wait_seconds=1)[0], {"y": 0})
    late.join(1)
    assert not late.is_alive()
    assert first.result() == {"y": 0}
    assert [request.body["x"] for request in server.take(max_requests=9, wait_seconds=1)] == [1, 3]


def test_a_request_says_how_long_it_waited(backend):
    backend.client().submit({"x": 1}, deadline_seconds=5)
    backend.sleep(0.2)
    (request,) = backend.server().take(max_requests=1, wait_seconds=1)
    assert 0.19 < request.waited_seconds < 2.0


def test_a_call_asks_and_waits_beside_the_requests_of_other_threads(backend, doubler):
    client = backend.client()
    pending = client.submit({"x": 1000}, deadline_seconds=10)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda x: client.call({"x": x}, deadline_seconds=10), range(40)))
    assert answers == [{"y": 2 * x} for x in range(40)]
    assert pending.result() == {"y": 2000}


def test_a_call_of_a_bounded_client_is_answered_too(backend, doubler):
    assert backend.client(max_waiting=1).call({"x": 4}, deadline_seconds=10) == {"y": 8}


def test_a_call_that_fails_or_is_not_answered_says_so(backend):
    client, server = backend.client(), backend.server()
    with pytest.raises(RpcTimeoutError):
        client.call({"x": 1}, deadline_seconds=0.05)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.call, {"x": 2}, deadline_seconds=10)
        server.reply_error(server.take(max_requests=1, wait_seconds=5)[0], "no such scene")
        with pytest.raises(RpcRemoteError, match="no such scene"):
            answer.result()
