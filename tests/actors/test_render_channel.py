from __future__ import annotations

import numpy as np
import pytest

from potstill.actors.render_channel import RENDER_ATTEMPTS, LocalRenderChannel, RpcRenderChannel
from potstill.actors.render_worker import RenderWorker
from potstill.actors.work_meter import WorkMeter
from potstill.envs.rendering.records import RenderRequest, SceneState
from potstill.envs.rendering.sketch_renderer import SketchRenderer
from potstill.queues.errors import RpcRemoteError, RpcTimeoutError
from potstill.queues.memory_rpc import MemoryRpcClient, MemoryRpcServer
from potstill.queues.memory_rpc_channel import MemoryRpcChannel


def make_request(seed=0, **changes):
    scene = SceneState(
        body_pos=np.full((3, 3), float(seed)), body_quat=np.ones((3, 4)), site_pos=np.zeros((1, 3))
    )
    settings = {"task": "reach-v3", "cameras": ("left", "right"), "size": 16, "scene": scene, "seed": seed}
    return RenderRequest(**(settings | changes))


@pytest.fixture
def rpc():
    return MemoryRpcChannel()


def make_server(rpc, renderer, batch=64):
    return RenderWorker(MemoryRpcServer(rpc), renderer, batch=batch, meter=WorkMeter(lambda facts: None))


def assert_same(replies, others):
    assert len(replies) == len(others)
    for one, two in zip(replies, others):
        for name, value in vars(one).items():
            other = vars(two)[name]
            assert value is other is None or np.array_equal(value, other), name


def test_pictures_that_travel_are_those_that_are_drawn_on_the_spot(rpc):
    requests = [make_request(1), make_request(2, geometry=True), make_request(3, geometry=True, paint=False)]
    pending = RpcRenderChannel(MemoryRpcClient(rpc), deadline_seconds=5).submit(requests)
    make_server(rpc, SketchRenderer()).serve_once(wait_seconds=0)
    assert_same(pending.result(), LocalRenderChannel(SketchRenderer()).submit(requests).result())


def test_a_request_nobody_answered_is_sent_again_and_then_given_up(rpc):
    class Counted(MemoryRpcClient):
        sent = 0

        def submit(self, body, *, deadline_seconds, before=None):
            Counted.sent += 1
            return super().submit(body, deadline_seconds=deadline_seconds)

    pending = RpcRenderChannel(Counted(rpc), deadline_seconds=0.01).submit([make_request()])
    with pytest.raises(RpcTimeoutError):
        pending.result()
    assert Counted.sent == RENDER_ATTEMPTS


def test_an_answer_to_the_second_sending_is_as_good_as_one_to_the_first(rpc):
    class LateServer(MemoryRpcClient):
        def submit(self, body, *, deadline_seconds, before=None):
            pending = super().submit(body, deadline_seconds=deadline_seconds)
            if self.late:
                make_server(rpc, SketchRenderer()).serve_once(wait_seconds=0)
            self.late = True
            return pending

        late = False

    pending = RpcRenderChannel(LateServer(rpc), deadline_seconds=0.05).submit([make_request(4)])
    assert_same(pending.result(), SketchRenderer().render([make_request(4)]))


def test_an_error_frame_is_not_asked_for_twice(rpc):
    server = MemoryRpcServer(rpc)
    pending = RpcRenderChannel(MemoryRpcClient(rpc), deadline_seconds=5).submit([make_request()])
    (request,) = server.take(max_requests=1, wait_seconds=0)
    server.reply_error(request, "no such camera")
    with pytest.raises(RpcRemoteError, match="no such camera"):
        pending.result()
    assert server.take(max_requests=1, wait_seconds=0) == []


def test_a_request_there_is_no_room_for_fails_its_rollouts_and_not_the_worker(rpc):
    channel = RpcRenderChannel(MemoryRpcClient(rpc, max_waiting=1), deadline_seconds=0.05)
    first, second = channel.submit([make_request(1)]), channel.submit([make_request(2)])
    with pytest.raises(RpcTimeoutError, match="1 are waiting, the most allowed"):
        second.result()
    with pytest.raises(RpcTimeoutError):
        first.result()
