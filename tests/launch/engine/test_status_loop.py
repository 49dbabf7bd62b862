from __future__ import annotations

import json

import pytest

from potstill.launch.engine import status_loop
from potstill.launch.engine.status_loop import print_status


@pytest.fixture
def statuses(monkeypatch):
    """Makes a reader of these statuses, one after the other; nobody waits in between."""
    monkeypatch.setattr(status_loop, "WATCH_SECONDS", 0.0)
    return lambda *values: iter(values).__next__


def test_once_means_once(statuses, capsys):
    read = statuses({"finished": False, "done": 1})
    print_status(read, as_json=True, watch=False)
    assert json.loads(capsys.readouterr().out) == {"finished": False, "done": 1}


def test_watching_prints_changes_only_and_ends_with_the_run(statuses, capsys):
    one, two, end = {"done": 1}, {"done": 2}, {"done": 2, "finished": True}
    print_status(statuses(one, one, two, two, end), as_json=True, watch=True)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [one, two, end]


def test_people_get_one_fact_a_line_and_tables_row_by_row(statuses, capsys):
    status = {"state": "running", "queue": {"rollout": 2}, "rounds": [{"round": 0, "steps": 7}], "none": []}
    print_status(statuses(status), as_json=False, watch=False)
    assert capsys.readouterr().out.splitlines() == [
        "state: running", "queue:", "  rollout: 2", "rounds:", "  round=0  steps=7", "none: []"
    ]  # fmt: skip
