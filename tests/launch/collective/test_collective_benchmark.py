"""``benchmarks/collective.py``: the small version for real, and seeds pooled from reports whose figures are known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import collective

    return collective


def report(seen, unseen):
    """Of ten episodes each with the code."""
    rates = {"all seen": seen, "all unseen": unseen}
    return {
        "summary": [
            {
                "context": "code",
                "robots": robots,
                "success_rate": rate,
                "final_step_success_rate": rate / 2,
                "eval_episodes": 10,
            }
            for robots, rate in rates.items()
        ],
        "results": [{"context": "code", "robot": "ur5e", "task": "push-v3", "success_rate": seen}],
    }


def test_seeds_are_pooled_and_each_is_told(benchmark):
    seen, unseen = benchmark.pooled_rows({0: report(1.0, 0.6), 1: report(0.8, 0.2)})
    assert (seen["context"], seen["robots"], seen["episodes"]) == ("code", "all seen", 20)
    assert (seen["success"], seen["final_step_success"]) == (0.9, 0.45)
    assert seen["success_ci95"] == pytest.approx([0.6990, 0.9721], abs=1e-3)
    assert unseen["by_seed"] == {0: 0.6, 1: 0.2}


def test_cells_are_means_over_seeds(benchmark):
    cells = benchmark.pooled_cells({0: report(1.0, 0.6), 1: report(0.8, 0.2)})
    assert cells == {"code": {"ur5e/push-v3": pytest.approx(0.9)}}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_small_version_runs_once_and_reads_what_is_there(tmp_path):
    script = [sys.executable, str(BENCHMARKS / "collective.py"), "--quick", "--runs", str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(script, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["figures"]
    assert [(row["context"], row["robots"], row["episodes"]) for row in figures["rows"]] == [
        (context, robots, 4) for context in ("code", "zeros") for robots in ("all seen", "all unseen")
    ]
    again = subprocess.run(script, capture_output=True, text=True, env=environment, check=True)
    assert json.loads(again.stdout.splitlines()[-1])["figures"] == figures
    assert "exit code" not in again.stderr
