from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield
    for name in [name for name in sys.modules if name == "faults" or name.startswith("faults.")]:
        del sys.modules[name]


@pytest.mark.slow
def test_kills_of_workers_server_and_runner_lose_nothing_and_count_nothing_twice(benchmarks, tmp_path):
    from faults.queue_under_fire import FireConfig, QueueUnderFire

    config = FireConfig(
        tasks=100,
        task_seconds=0.1,
        workers=3,
        kills=4,
        stops=2,
        redis_kills=1,
        runner_restarts=1,
        lease_seconds=1.0,
        seed=1,
    )
    figures = QueueUnderFire(tmp_path, config).run()
    assert figures["ledger"]["submitted"] == 100
    assert figures["exact"]
    assert (figures["lost"], figures["duplicated"]) == (0, 0)
    assert figures["dead_are_the_poison"]
    assert (figures["kills"], figures["redis_kills"], figures["runner_restarts"]) == (6, 1, 1)
    # Whatever a victim held was done again.
    assert figures["deliveries"] > figures["ledger"]["done"]


def test_the_first_commit_of_a_result_wins_and_the_later_is_told_it(benchmarks, tmp_path):
    from faults.result_folder import ResultFolder

    results = ResultFolder(tmp_path)
    assert results.commit("a", b"one") == b"one"
    assert ResultFolder(tmp_path).commit("a", b"two") == b"one"
    assert results.names() == {"a"}
    assert results.read("a") == b"one"
