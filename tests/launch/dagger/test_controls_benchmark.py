"""``benchmarks/controls.py``: the small version for real, and the table from logs whose figures are known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from potstill.launch.configuration import to_mapping
from potstill.launch.dagger.recipes import load_recipe
from potstill.launch.reporting.event_log import EventLog

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def table(monkeypatch):
    """The module that makes the table."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from tables import controls_table

    return controls_table


def write_run(root, recipe, seed, successes, *, steps=(20, 15), calls=None, looks=(), finished=True):
    """What a run leaves, as far as the table reads it."""
    config = load_recipe(recipe)
    interval = config.render.keyframe_interval
    calls = calls or [-(-length // interval) for length in steps]
    folder = root / f"{recipe}.reach-v3.{seed}"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(to_mapping(config) | {"seed": seed}))
    (folder / "report.json").write_text(json.dumps({"finished": finished}))
    log = EventLog(folder / "events.jsonl", clock=lambda: 0.0)
    log.write("run_started", recipe=recipe, task="reach-v3")
    log.write("rollouts_finished", round=0, episode_steps=list(steps), episode_render_calls=calls)
    facts = {"round": 0, "steps": [7] * len(successes), "render_calls": [-(-7 // interval)] * len(successes)}
    log.write("final_evaluation_finished", successes=successes, **facts)
    for look in looks:
        log.write("look_evaluation_finished", look=look, successes=successes[::-1], **facts)
    log.write("session_ended", seconds=100.0)
    log.close()
    return folder


def read(table, *folders):
    return [table.ControlRun.read(folder) for folder in folders]


def test_seeds_are_pooled_and_looks_are_columns(table, tmp_path):
    folders = [
        write_run(tmp_path, "procedural", seed, [1] * 8 + [seed] * 2, looks=("held_out",)) for seed in (0, 1)
    ]
    (row,) = [
        line for line in table.controls_table(read(table, *folders)).splitlines() if "procedural" in line
    ]
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "procedural", "0, 1", "0.90 [0.70, 0.97] of 20", "–", "0.90 [0.70, 0.97] of 20", "–", "3.0", "100"
    ]  # fmt: skip


def test_a_run_that_is_missing_or_not_finished_is_not_read(table, tmp_path):
    assert read(table, tmp_path / "nowhere") == [None]
    assert read(table, write_run(tmp_path, "raw-rgb", 0, [1], finished=False)) == [None]


def test_one_painter_call_too_many_in_one_episode_is_told(table, tmp_path):
    right = write_run(tmp_path, "procedural", 0, [1, 1])
    wrong = write_run(tmp_path, "procedural", 1, [1, 1], calls=[3, 4])
    assert "in each of 4 episodes, from the event logs: yes" in table.warp_statement(read(table, right))
    assert "NO, not in procedural.reach-v3.1" in table.warp_statement(read(table, right, wrong))
    assert not table.figures_of(read(table, right, wrong))["painted_once_per_interval"]


@pytest.mark.parametrize(("successes", "within"), [([1] * 16 + [0] * 4, True), ([1] * 8 + [0] * 12, False)])
def test_success_with_warped_pictures_is_held_against_the_interval_without(
    table, tmp_path, successes, within
):
    runs = read(
        table,
        write_run(tmp_path, "procedural-k1", 0, [1] * 17 + [0] * 3),
        write_run(tmp_path, "procedural", 0, successes),
    )
    assert table.figures_of(runs)["k7_within_interval_of_k1"]["reach-v3"]["trained"] is within
    assert ("k = 7 is within" in table.warp_statement(runs)) is within


@pytest.mark.timeout(240)
def test_the_small_version_runs_once_and_makes_its_table_from_what_is_there(tmp_path):
    script = [sys.executable, str(BENCHMARKS / "controls.py"), "--runs", str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*script, "--quick"], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 runs, 2 to do" in done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["figures"]
    assert [row["recipe"] for row in figures["rows"]] == ["procedural", "procedural-k1"]
    assert [row["keyframe_interval"] for row in figures["rows"]] == [7, 1]
    assert all(set(row["looks"]) == {"trained", "seen", "held_out", "plain"} for row in figures["rows"])
    assert figures["painted_once_per_interval"] is True

    again = subprocess.run([*script, "--quick"], capture_output=True, text=True, env=environment, check=True)
    assert "2 runs, 0 to do" in again.stderr
    assert json.loads(again.stdout.splitlines()[-1])["figures"] == figures
    assert "| procedural-k1 |" in (tmp_path / "controls.md").read_text()
