from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.open_queue import open_queue
from potstill.queues.server_settings import server_settings
from potstill.queues.task import Task


def test_ls_prints_the_ledger_of_each_group_and_the_age_of_the_oldest(command, server, queue):
    code, out, _ = command("queue", "ls", "--redis", server, "--run", "run-a")
    header, row, _, kinds, kind, _, workers, tallies = out.splitlines()
    assert code == 0
    assert dict(zip(header.split()[1:], map(int, row.split()[1:]))) == dict(
        submitted=3, waiting=1, leased=0, done=1, dead=1, cancelled=0, duplicates=0
    )
    assert kinds.startswith("kind") and kind.split()[:2] == ["rollout", "1"]
    assert 0.0 <= float(kind.split()[2]) < 60.0
    assert workers == "workers alive: 0"
    assert tallies == "deliveries 2, failed 1, expired 0, backing off 0"


def test_ls_prints_json(command, server, queue):
    _, out, _ = command("queue", "ls", "--redis", server, "--run", "run-a", "--json")
    assert json.loads(out)["groups"]["round_00.rollout"]["submitted"] == 3


def test_ls_of_a_run_that_is_not_there_says_so(command, server):
    code, out, _ = command("queue", "ls", "--redis", server, "--run", "nobody")
    assert code == 0 and "no tasks" in out


def test_dead_prints_each_error(command, server, queue):
    code, out, _ = command("queue", "dead", "--redis", server, "--run", "run-a")
    assert (
        code == 0 and "task-1  (1 attempts)" in out and "ZeroDivisionError" in out and "1 dead task\n" in out
    )
    _, out, _ = command("queue", "dead", "--redis", server, "--run", "run-a", "--json")
    assert [letter["task"] for letter in json.loads(out)] == ["task-1"]


def test_dead_of_some_tasks_only(command, refused, server, queue):
    _, out, _ = command("queue", "dead", "--redis", server, "--run", "run-a", "task-1")
    assert "1 dead task\n" in out
    line = refused("queue", "dead", "--redis", server, "--run", "run-a", "task-2")
    assert "task-2: is not a dead task of run run-a; dead: task-1" in line


def test_metrics_are_prometheus_text(command, server, queue):
    code, out, _ = command("queue", "metrics", "--redis", server, "--run", "run-a")
    assert code == 0
    assert 'potstill_tasks{group="round_00.rollout",run="run-a",state="dead"} 1.0' in out


def test_watch_without_a_terminal_is_a_line_per_change(command, server, queue):
    code, out, _ = command(
        "queue", "watch", "--redis", server, "--run", "run-a", "--every", "0.1", "--for", "0.5"
    )
    assert code == 0
    lines = out.splitlines()
    assert "waiting=1 leased=0 done=1 dead=1 cancelled=0" in lines[0] and "workers=0" in lines[0]
    assert len(lines) == len({line.split(" ", 1)[1] for line in lines})


def test_watch_on_a_terminal_redraws_the_tables(server, queue):
    import pty

    command = [str(Path(sys.executable).parent / "potstill"), "queue", "watch", "--redis", server]
    shown, terminal = pty.openpty()
    watch = subprocess.Popen(
        [*command, "--run", "run-a", "--every", "0.1", "--for", "0.3"], stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    text = b""
    with contextlib.suppress(OSError):  # how a terminal says that the other end is closed
        while chunk := os.read(shown, 65536):
            text += chunk
    os.close(shown)
    assert watch.wait(20) == 0
    assert b"round_00.rollout" in text and b"workers alive: 0" in text


@pytest.mark.parametrize("seconds", ["0", "soon", "1e9"])
def test_watch_refuses_a_strange_pause(refused, server, queue, seconds):
    line = refused("queue", "watch", "--redis", server, "--run", "run-a", "--every", seconds)
    assert f"--every: must be seconds in 0.1..86400: got '{seconds}'" in line


def test_a_run_directory_names_run_and_server(command, make_run):
    run = make_run("run")
    with EmbeddedRedis(run.root / "redis") as live:
        open_queue(live.url, "demo-1").put([Task(id="t", kind="rollout", group="g")])
        _, out, _ = command("queue", "ls", "--run-dir", run.root, "--json")
        assert json.loads(out)["groups"]["g"]["waiting"] == 1
    # Not alive any more: the server is started for the look, and what it holds is still there.
    _, out, _ = command("queue", "ls", "--run-dir", run.root, "--json")
    assert json.loads(out)["run"] == "demo-1" and json.loads(out)["groups"]["g"]["waiting"] == 1
    with pytest.raises(QueueUnavailableError):
        server_settings(live.url, [])


def test_a_run_directory_and_the_server_it_used(command, make_run, server):
    run, queue = make_run("run"), open_queue(server, "demo-1")
    queue.purge()
    queue.put([Task(id="t", kind="rollout", group="elsewhere")])
    _, out, _ = command("queue", "ls", "--run-dir", run.root, "--redis", server, "--json")
    assert list(json.loads(out)["groups"]) == ["elsewhere"]


def test_a_command_that_does_not_say_which_queue_is_refused(refused, make_run, server):
    assert "give --run-dir DIR, or --redis URL and --run RUN" in refused("queue", "ls")
    assert "--redis URL and --run RUN" in refused("queue", "ls", "--redis", server)
    assert "has no embedded server; add --redis URL" in refused(
        "queue", "ls", "--run-dir", make_run("run").root
    )


def test_a_server_that_may_forget_tasks_is_refused(refused, server):
    script = "import sys; from potstill.queues.redis_connection import connect; "
    script += "connect(sys.argv[1]).exchange(('CONFIG SET', 'maxmemory-policy', sys.argv[2]))"
    for policy in ("allkeys-lru", "noeviction"):
        subprocess.run([sys.executable, "-c", script, server, policy], check=True, timeout=20)
        if policy == "allkeys-lru":
            assert "allkeys-lru, allowed: noeviction" in refused(
                "queue", "ls", "--redis", server, "--run", "run-a"
            )
