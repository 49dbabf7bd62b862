from __future__ import annotations

import pytest
from filelock import FileLock

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.open_queue import open_queue
from potstill.queues.task import Task


def test_a_run_without_finished_stages_has_an_empty_ledger(command, make_run):
    code, out, _ = command("queue", "rebuild", make_run("run").root)
    assert code == 0
    assert "run demo-1: 0 tasks, 0 of them done and 0 waiting" in out


def test_damaged_data_are_set_aside_and_the_server_starts_again(command, refused, make_run):
    run = make_run("run")
    with EmbeddedRedis(run.root / "redis") as server:
        open_queue(server.url, "demo-1").put([Task(id="t", kind="rollout", group="g")])
    (log,) = (run.root / "redis/appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"*1\r\n$x damaged" + log.read_bytes())
    assert f"potstill queue rebuild {run.root}" in refused("queue", "ls", "--run-dir", run.root)
    code, out, _ = command("queue", "rebuild", run.root)
    assert code == 0 and "appendonlydir.damaged-0" in out
    assert (run.root / "redis/appendonlydir.damaged-0").is_dir()
    code, out, _ = command("queue", "ls", "--run-dir", run.root)
    assert code == 0 and "no tasks" in out


def test_a_cut_tail_of_the_log_is_no_damage(command, make_run):
    run = make_run("run")
    with EmbeddedRedis(run.root / "redis") as server:
        queue = open_queue(server.url, "demo-1")
        for n in range(3):
            queue.put([Task(id=f"t{n}", kind="rollout", group="g")])
    (log,) = (run.root / "redis/appendonlydir").glob("*.incr.aof")
    log.write_bytes(log.read_bytes()[:-20])
    _, out, _ = command("queue", "ls", "--run-dir", run.root)
    assert "g" in out.split()


def test_a_server_of_ones_own_is_rebuilt_too(command, make_run, server):
    code, out, _ = command("queue", "rebuild", make_run("run").root, "--redis", server)
    assert code == 0 and "run demo-1" in out


def test_not_while_a_runner_is_at_work(refused, make_run):
    run = make_run("run")
    with FileLock(run.root / ".runner.lock"):
        assert "another runner is at work" in refused("queue", "rebuild", run.root)


@pytest.mark.parametrize("words", [("nowhere",), ()])
def test_what_is_no_run_is_refused(refused, tmp_path, words):
    refused("queue", "rebuild", *(str(tmp_path / word) for word in words))
