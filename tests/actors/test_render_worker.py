from __future__ import annotations

import threading

import numpy as np
import pytest

from potstill.actors.render_channel import RpcRenderChannel
from potstill.actors.render_worker import RenderWorker
from potstill.actors.work_meter import WorkMeter
from potstill.envs.metaworld_env import MetaWorldEnv
from potstill.envs.rendering.mujoco_scene_renderer import MujocoSceneRenderer
from potstill.envs.rendering.records import RenderRequest, SceneState
from potstill.envs.rendering.render_config import DEFAULT_CAMERAS
from potstill.envs.rendering.sketch_renderer import SketchRenderer
from potstill.queues.errors import RpcRemoteError
from potstill.queues.memory_rpc import MemoryRpcClient, MemoryRpcServer
from potstill.queues.memory_rpc_channel import MemoryRpcChannel


def make_request(seed=0, *, camera="left"):
    scene = SceneState(
        body_pos=np.full((3, 3), float(seed)), body_quat=np.ones((3, 4)), site_pos=np.zeros((1, 3))
    )
    return RenderRequest(task="reach-v3", scene=scene, cameras=(camera,), size=16, seed=seed)


class PickySketch(SketchRenderer):
    """Cannot draw from the camera ``broken``."""

    def render(self, requests):
        if any("broken" in request.cameras for request in requests):
            self.batches += 1
            raise ValueError("no camera 'broken'")
        return super().render(requests)


@pytest.fixture
def rpc():
    return MemoryRpcChannel()


@pytest.fixture
def channel(rpc):
    return RpcRenderChannel(MemoryRpcClient(rpc), deadline_seconds=5.0)


@pytest.fixture
def make_worker(rpc):
    def make(renderer, batch=64):
        return RenderWorker(MemoryRpcServer(rpc), renderer, batch=batch, meter=WorkMeter(lambda facts: None))

    return make


def test_everything_that_waits_is_one_call_of_the_renderer(channel, make_worker):
    renderer = SketchRenderer()
    pending = [channel.submit([make_request(2 * i), make_request(2 * i + 1)]) for i in range(5)]
    worker = make_worker(renderer)
    assert worker.serve_once(wait_seconds=0) == 5
    assert (renderer.batches, worker.batches, worker.frames) == (1, 1, 10)
    for index, pictures in enumerate(pending):
        alone = SketchRenderer().render([make_request(2 * index), make_request(2 * index + 1)])
        for one, two in zip(pictures.result(), alone, strict=True):
            assert np.array_equal(one.rgb, two.rgb)


def test_a_worker_takes_no_more_than_its_batch_and_leaves_the_rest_to_others(channel, make_worker):
    for i in range(6):
        channel.submit([make_request(i), make_request(i + 100)])
    first, second = make_worker(SketchRenderer(), batch=4), make_worker(SketchRenderer(), batch=4)
    served = [worker.serve_once(wait_seconds=0) for worker in (first, second, first, second)]
    assert served == [2, 2, 2, 0]


def test_a_message_larger_than_the_batch_is_drawn_all_the_same(channel, make_worker):
    pending = channel.submit([make_request(i) for i in range(5)])
    assert make_worker(SketchRenderer(), batch=2).serve_once(wait_seconds=0) == 1
    assert len(pending.result()) == 5


def test_a_scene_that_cannot_be_drawn_gets_an_error_frame_and_its_neighbours_their_pictures(
    channel, make_worker
):
    good = channel.submit([make_request(1)])
    bad = channel.submit([make_request(2), make_request(3, camera="broken")])
    also_good = channel.submit([make_request(4)])
    worker = make_worker(PickySketch())

    worker.serve_once(wait_seconds=0)

    for pictures, seed in ((good, 1), (also_good, 4)):
        assert np.array_equal(pictures.result()[0].rgb, SketchRenderer().render([make_request(seed)])[0].rgb)
    with pytest.raises(RpcRemoteError, match="no camera 'broken'"):
        bad.result()


def test_a_message_that_is_no_render_request_gets_an_error_frame_and_the_worker_lives(
    rpc, channel, make_worker
):
    nonsense = MemoryRpcClient(rpc).submit({"requests": [{"task": 1}]}, deadline_seconds=5)
    good = channel.submit([make_request(1)])
    worker = make_worker(SketchRenderer())
    worker.serve_once(wait_seconds=0)
    assert good.result()[0].rgb is not None
    with pytest.raises(RpcRemoteError):
        nonsense.result()
    assert worker.serve_once(wait_seconds=0) == 0


def test_an_answer_too_large_to_send_is_an_error_frame_and_not_the_workers_death(
    channel, make_worker, monkeypatch
):
    monkeypatch.setattr("potstill.queues.messages.encode", _encode_up_to(10_000))
    small = channel.submit([make_request(1)])
    large = channel.submit([make_request(seed) for seed in range(20)])
    make_worker(SketchRenderer()).serve_once(wait_seconds=0)
    assert len(small.result()) == 1
    with pytest.raises(RpcRemoteError, match="exceeds the limit of 10000"):
        large.result()


def _encode_up_to(limit):
    from potstill.queues.codec import encode

    return lambda message, **settings: encode(message, **settings | {"max_bytes": limit})


def test_run_serves_until_it_is_told_to_stop(channel, make_worker):
    stop = threading.Event()
    thread = threading.Thread(target=make_worker(SketchRenderer()).run, args=(stop.is_set,))
    thread.start()
    assert len(channel.submit([make_request(1)]).result()) == 1
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_the_next_message_comes_with_the_answers_and_is_drawn_before_the_worker_stops(channel, make_worker):
    worker = make_worker(SketchRenderer(), batch=1)
    pending = [channel.submit([make_request(i)]) for i in range(4)]
    stops = iter([False, False, True])
    worker.run(lambda: next(stops))
    assert worker.frames == 3
    assert [len(pictures.result()) for pictures in pending[:3]] == [1, 1, 1]
    worker.serve_once(wait_seconds=0)
    assert len(pending[3].result()) == 1


def test_real_pictures_are_the_same_bytes_in_any_batch():
    env = MetaWorldEnv("reach-v3")
    env.reset(seed=3)
    requests = []
    for step in range(5):
        env.step(np.full(4, 0.2 * step, np.float32))
        painter = "mujoco" if step % 2 else "randomised"
        requests.append(
            RenderRequest(
                task="reach-v3", scene=env.scene_state(), cameras=DEFAULT_CAMERAS, size=32, painter=painter,
                seed=step, geometry=True,
            )
        )  # fmt: skip
    renderer = MujocoSceneRenderer()
    together = renderer.render(requests)
    alone = [renderer.render([request])[0] for request in requests]
    backwards = renderer.render(requests[::-1])[::-1]
    renderer.close()
    for one, two, three in zip(together, alone, backwards, strict=True):
        for name in ("rgb", "depth", "segmentation", "camera_pose"):
            assert vars(one)[name].tobytes() == vars(two)[name].tobytes() == vars(three)[name].tobytes()


def test_the_latency_of_an_answer_counts_from_the_submission_of_its_request():
    now, reports = [0.0], []
    rpc = MemoryRpcChannel(clock=lambda: now[0])
    meter = WorkMeter(reports.append, clock=lambda: now[0])
    worker = RenderWorker(MemoryRpcServer(rpc), SketchRenderer(), batch=64, meter=meter)
    RpcRenderChannel(MemoryRpcClient(rpc), deadline_seconds=60.0).submit([make_request(1)])
    now[0] = 3.0
    worker.serve_once(wait_seconds=0)
    assert 3000 <= reports[0]["latency_p50_ms"] == reports[0]["latency_p99_ms"] < 4000
