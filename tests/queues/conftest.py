from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.memory_rpc import MemoryRpcClient, MemoryRpcServer
from potstill.queues.memory_rpc_channel import MemoryRpcChannel
from potstill.queues.memory_task_queue import MemoryTaskQueue
from potstill.queues.open_queue import open_queue
from potstill.queues.open_rpc import open_rpc_client, open_rpc_server

STOCK_SERVER = shutil.which("redis-server")


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def stock_redis_url(tmp_path_factory):
    """The distribution's own server, where there is one."""
    folder = tmp_path_factory.mktemp("stock")
    options = {"port": 0, "unixsocket": folder / "redis.sock", "dir": folder, "save": ""}
    command = [STOCK_SERVER, *(str(word) for name, value in options.items() for word in (f"--{name}", value))]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while not (folder / "redis.sock").exists():
        assert server.poll() is None
        time.sleep(0.01)
    yield f"unix://{folder}/redis.sock"
    server.kill()
    server.wait()


@pytest.fixture
def run_name():
    return f"run-{uuid.uuid4().hex[:12]}"


@dataclass
class Backend:
    """One kind of queue and rpc, and how time passes for it."""

    queue: Callable
    client: Callable
    server: Callable
    sleep: Callable


def _redis_backend(url, run):
    return Backend(
        queue=lambda **settings: open_queue(url, run, **settings),
        client=lambda service="render", **settings: open_rpc_client(url, run, service, **settings),
        server=lambda service="render", **settings: open_rpc_server(url, run, service, **settings),
        sleep=lambda seconds: time.sleep(seconds + 0.01),
    )


def _memory_backend():
    now = [1000.0]
    channels = {}

    def channel(service):
        return channels.setdefault(service, MemoryRpcChannel(clock=lambda: now[0] + time.monotonic()))

    def sleep(seconds):
        now[0] += seconds

    return Backend(
        queue=lambda **settings: MemoryTaskQueue(clock=lambda: now[0] + time.monotonic(), **settings),
        client=lambda service="render", **settings: MemoryRpcClient(channel(service), **settings),
        server=lambda service="render", **settings: MemoryRpcServer(channel(service), **settings),
        sleep=sleep,
    )


@pytest.fixture(params=["redis_url", "memory"] + (["stock_redis_url"] if STOCK_SERVER else []))
def backend(request, run_name):
    if request.param == "memory":
        return _memory_backend()
    return _redis_backend(request.getfixturevalue(request.param), run_name)


@pytest.fixture
def spawn():
    """Start Python code in a process of its own; what is left at the end is killed."""
    children = []

    def start(code, *arguments):
        command = [sys.executable, "-P", "-c", code, *arguments]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()
