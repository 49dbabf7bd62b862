from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.cluster.redis_program import redis_program
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.open_queue import open_queue
from potstill.queues.server_settings import server_settings
from potstill.queues.task import Task


def answers(url):
    try:
        open_queue(url, "run")
    except QueueUnavailableError:
        return False
    return True


def socket_of(server):
    return Path(server.url.removeprefix("unix://"))


def test_it_starts_quickly_with_durable_settings_on_a_private_socket(tmp_path):
    started = time.monotonic()
    with EmbeddedRedis(tmp_path / "run" / "redis") as server:
        # It takes 0.06 s on a free machine; the bound allows for a shared one.
        assert time.monotonic() - started < 1.0
        wanted = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
        wanted |= {"port": "0", "dir": str(tmp_path / "run" / "redis")}
        assert server_settings(server.url, list(wanted)) == wanted
        mode = socket_of(server).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o700
        assert socket_of(server).parent == tmp_path / "run" / "redis"


def test_its_data_survive_a_stop(tmp_path):
    with EmbeddedRedis(tmp_path) as server:
        open_queue(server.url, "run").put([Task(id="t", kind="k", group="g")])
        url = server.url
    assert not answers(url)
    with EmbeddedRedis(tmp_path) as server:
        assert open_queue(server.url, "run").ledger().waiting == 1


def test_a_second_one_joins_the_live_server_and_leaves_it_running(tmp_path):
    with EmbeddedRedis(tmp_path) as first:
        second = EmbeddedRedis(tmp_path)
        assert second.url == first.url
        second.stop()
        assert answers(first.url)
    first.stop()


def test_a_stale_socket_is_replaced(tmp_path):
    server = EmbeddedRedis(tmp_path)
    os.kill(server._process.pid, signal.SIGKILL)
    server._process.wait()
    assert socket_of(server).exists()
    with EmbeddedRedis(tmp_path) as again:
        assert answers(again.url)
    server.stop()


def test_it_dies_with_the_process_that_started_it(tmp_path):
    code = "import sys, time; from potstill.cluster.embedded_redis import EmbeddedRedis;"
    code += "print(EmbeddedRedis(sys.argv[1]).url, flush=True); time.sleep(60)"
    starter = subprocess.Popen(
        [sys.executable, "-P", "-c", code, tmp_path], stdout=subprocess.PIPE, text=True
    )
    url = starter.stdout.readline().strip()
    assert answers(url)
    starter.kill()
    starter.communicate()
    give_up = time.monotonic() + 5
    while answers(url) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert not answers(url)


def test_a_long_directory_gets_its_socket_in_a_short_private_one(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with EmbeddedRedis(deep) as server, EmbeddedRedis(deep) as second:
        assert second.url == server.url
        folder = socket_of(server).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(os.fsencode(socket_of(server))) <= 107
        assert server_settings(server.url, ["dir"])["dir"] == str(deep)
    folder.rmdir()


def test_a_short_directory_that_others_may_enter_is_refused(tmp_path):
    deep = tmp_path / ("d" * 60) / ("f" * 60)
    with EmbeddedRedis(deep) as server:
        folder = socket_of(server).parent
    folder.chmod(0o755)
    try:
        with pytest.raises(QueueUnavailableError, match="mode 700"):
            EmbeddedRedis(deep)
    finally:
        folder.rmdir()


def test_a_server_that_cannot_start_says_why(tmp_path):
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense")
    with pytest.raises(QueueUnavailableError, match=r"did not start in .*: .*(manifest|AOF)"):
        EmbeddedRedis(tmp_path)


def test_a_server_with_other_settings_is_not_used(tmp_path):
    with EmbeddedRedis(tmp_path) as server:
        folder = tmp_path / "other"
        folder.mkdir()
        command = [redis_program(), "--port", "0", "--unixsocket", f"{folder}/redis.sock", "--dir", folder]
        other = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not answers(f"unix://{folder}/redis.sock"):
                time.sleep(0.01)
            with pytest.raises(QueueUnavailableError, match="appendonly is 'no'"):
                EmbeddedRedis(folder)
            assert answers(f"unix://{folder}/redis.sock")
        finally:
            other.kill()
            other.wait()
        assert answers(server.url)
