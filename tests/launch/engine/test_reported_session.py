from __future__ import annotations

import json

import pytest

from potstill.launch.engine.reported_session import reported_session
from potstill.launch.reporting.event_log import EventLog, read_events
from potstill.launch.reporting.run_reporter import RunReporter


@pytest.fixture
def reporter(tmp_path):
    log = tmp_path / "events.jsonl"

    def write_json():
        (tmp_path / "report.json").write_text(json.dumps([event["event"] for event in read_events(log)]))

    return RunReporter(EventLog(log), [], write_json=write_json, write_html=(tmp_path / "report.html").touch)


@pytest.mark.parametrize("ending", [None, RuntimeError, KeyboardInterrupt])
def test_however_a_session_ends_it_is_told_and_both_reports_are_written(tmp_path, reporter, ending):
    try:
        with reported_session(reporter, recipe="r", run="r-1", resumed=True):
            if ending:
                raise ending
    except (RuntimeError, KeyboardInterrupt) as error:
        assert type(error) is ending
    started, ended = read_events(tmp_path / "events.jsonl")
    assert (started["event"], started["recipe"], started["resumed"]) == ("run_started", "r", True)
    assert ended["event"] == "session_ended" and 0.0 <= ended["seconds"] < 60.0
    assert json.loads((tmp_path / "report.json").read_text()) == ["run_started", "session_ended"]
    assert (tmp_path / "report.html").exists()
