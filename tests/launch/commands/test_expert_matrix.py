from __future__ import annotations

import json

import pytest

from potstill.launch.main import main


def test_the_table_names_robots_tasks_and_how_many_each_can_do(capsys):
    assert main("expert matrix --robots xarm7,ur5e --tasks reach-v3 --episodes 1 --workers 1".split()) == 0
    printed = capsys.readouterr().out
    for word in ("xarm7", "ur5e", "reach-v3", "1.00", "1/1", "in 1 episodes each"):
        assert word in printed


def test_json_gives_every_rate_with_its_number_of_episodes_and_interval(capsys):
    assert main("expert matrix --robots z1 --tasks reach-v3 --episodes 2 --workers 1 --json".split()) == 0
    facts = json.loads(capsys.readouterr().out)
    (cell,) = facts["results"]
    assert (cell["robot"], cell["task"], cell["eval_episodes"]) == ("z1", "reach-v3", 2)
    assert cell["success_rate"] == 1.0
    assert cell["success_ci95"] == pytest.approx([0.342, 1.0], abs=1e-3)  # Wilson, 2 of 2
    assert len(cell["model_hash"]) == 64
    assert facts["tasks_at_80_percent"] == {"z1": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--robots pandas", "--robots: unknown robot 'pandas'"),
        ("--tasks mt11", "--tasks: unknown task 'mt11'"),
        ("--episodes 0", "--episodes must be in 1..10000: got 0"),
        ("--episodes many", "--episodes"),
        ("--workers -2", "--workers must be in 1..1024: got -2"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(options, message, capsys):
    assert main(["expert", "matrix", *options.split()]) == 2
    complaint = capsys.readouterr().err
    assert message in complaint
    assert len(complaint.strip().splitlines()) == 1
