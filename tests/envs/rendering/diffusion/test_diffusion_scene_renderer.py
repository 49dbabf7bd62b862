from __future__ import annotations

import numpy as np
import pytest
import torch

from potstill.actors.render_channel import RpcRenderChannel
from potstill.actors.render_worker import RenderWorker
from potstill.actors.work_meter import WorkMeter
from potstill.queues.errors import RpcRemoteError
from potstill.queues.memory_rpc import MemoryRpcClient, MemoryRpcServer
from potstill.queues.memory_rpc_channel import MemoryRpcChannel


@pytest.fixture
def rpc():
    return MemoryRpcChannel()


@pytest.fixture
def channel(rpc):
    return RpcRenderChannel(MemoryRpcClient(rpc), deadline_seconds=60.0)


@pytest.fixture
def worker(rpc, open_painting):
    return RenderWorker(
        MemoryRpcServer(rpc), open_painting("sd"), batch=64, meter=WorkMeter(lambda facts: None)
    )


def test_a_request_that_cannot_be_painted_fails_alone_and_the_worker_lives(
    channel, worker, open_painting, painted_request
):
    good, bad = painted_request(), painted_request(prompt={"tabel": "oak"})
    pending = [channel.submit([good]), channel.submit([bad]), channel.submit([good])]
    worker.serve_once(wait_seconds=0)
    with pytest.raises(RpcRemoteError, match="got 'tabel'"):
        pending[1].result()
    expected = open_painting("sd").render([good])[0].rgb
    for pictures in (pending[0], pending[2]):
        assert np.array_equal(pictures.result()[0].rgb, expected)


def test_a_batch_too_large_for_the_memory_is_painted_in_its_parts(
    channel, worker, open_painting, painted_request, monkeypatch
):
    denoiser = open_painting("sd")._painter._denoiser
    paint = type(denoiser).images
    requests = [painted_request(seed=seed) for seed in (1, 2)]

    def images(self, orders):
        if len(orders) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return paint(self, orders)

    monkeypatch.setattr(type(denoiser), "images", images)
    pending = [channel.submit([request]) for request in requests]
    worker.serve_once(wait_seconds=0)
    monkeypatch.undo()
    for request, pictures in zip(requests, pending):
        assert np.array_equal(pictures.result()[0].rgb, open_painting("sd").render([request])[0].rgb)


def test_a_request_that_failed_is_painted_when_it_is_sent_again(
    channel, worker, open_painting, painted_request, monkeypatch
):
    denoiser, request = open_painting("sd")._painter._denoiser, painted_request()

    def images(self, orders):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as broken:
        broken.setattr(type(denoiser), "images", images)
        failed = channel.submit([request])
        worker.serve_once(wait_seconds=0)
    with pytest.raises(RpcRemoteError, match="out of memory"):
        failed.result()
    again = channel.submit([request])
    worker.serve_once(wait_seconds=0)
    assert again.result()[0].rgb.shape == (1, 32, 32, 3)
