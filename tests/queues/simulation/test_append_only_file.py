"""What a crash or a bad disk may leave of the server's file: every cut is a true ledger, damage is said."""

from __future__ import annotations

import random
import shutil

import pytest
from simulation.index_errors import index_errors

from potstill.cluster.embedded_redis import EmbeddedRedis
from potstill.queues.errors import QueueUnavailableError
from potstill.queues.open_queue import open_queue
from potstill.queues.redis_connection import connect
from potstill.queues.task import Ledger, Task

CUTS = 20
TASKS = [Task(id=f"t{i:02d}", kind="k", group=f"g{i % 2}", max_attempts=9) for i in range(40)]


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """The directory of a server on which tasks went every way, and the name of its append-only file."""
    folder = tmp_path_factory.mktemp("used")
    with EmbeddedRedis(folder) as server:
        queue = open_queue(server.url, "run", retry_backoff_seconds=30)
        for start in range(0, 40, 8):
            queue.put(TASKS[start : start + 8])
            done, failed, released, *held = queue.lease(
                ["k"], owner="w", max_tasks=6, lease_seconds=30, wait_seconds=0
            )
            queue.ack(done, {"from": "before"})
            queue.fail(failed, "Traceback")
            queue.release(released)
            queue.extend(held, lease_seconds=60)
        queue.cancel_tasks([TASKS[39].id])
    (file,) = folder.glob("appendonlydir/*.incr.aof")
    return folder, file.relative_to(folder)


def test_an_append_only_file_cut_at_any_byte_is_a_true_ledger_that_can_be_completed(used, tmp_path):
    folder, file = used
    size, draw = (folder / file).stat().st_size, random.Random(0)
    submitted = []
    for number in range(CUTS):
        copy = shutil.copytree(folder, tmp_path / str(number), ignore=shutil.ignore_patterns("*.sock"))
        with open(copy / file, "r+b") as cut:
            cut.truncate(draw.randrange(size))
        with EmbeddedRedis(copy) as server:
            assert index_errors(connect(server.url), "run") == []
            queue = open_queue(server.url, "run")
            submitted.append(queue.ledger().submitted)
            # As `resume` does: what files prove done is adopted, the rest is asked for again.
            queue.adopt(TASKS[:20], [{}] * 20)
            queue.put(TASKS[20:])
            assert queue.ledger().submitted == 40
            assert index_errors(connect(server.url), "run") == []
    # The cuts fell before, between and after the submissions.
    assert len(set(submitted)) > 3
    assert max(submitted) == 40


def test_a_damaged_append_only_file_is_refused_in_one_line(used, tmp_path):
    folder, file = used
    copy = shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    content = bytearray((copy / file).read_bytes())
    content[content.index(b"*", len(content) // 2)] ^= 0x40
    (copy / file).write_bytes(content)
    with pytest.raises(QueueUnavailableError, match="did not start") as refusal:
        EmbeddedRedis(copy)
    assert "\n" not in str(refusal.value)


def test_a_whole_file_brings_everything_back(used, tmp_path):
    folder, _ = used
    copy = shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
    with EmbeddedRedis(copy) as server:
        ledger = open_queue(server.url, "run").ledger()
    assert ledger == Ledger(submitted=40, waiting=19, leased=15, done=5, cancelled=1)
