from __future__ import annotations

import json

import pytest

from potstill.launch.dagger.open_reporter import open_reporter
from potstill.launch.reporting.event_log import read_events


class Recorder:
    def __init__(self):
        self.events, self.closed = [], False

    def show(self, event):
        self.events.append(event["event"])

    def close(self):
        self.closed = True


class Broken(Recorder):
    def show(self, event):
        raise ConnectionError("the tracker is down")


@pytest.fixture
def begun(make_run):
    return make_run("begun", events=[])


def test_every_event_goes_to_the_log_and_to_each_display(begun, events_of_run):
    display = Recorder()
    reporter = open_reporter(begun, displays=[display])
    for name, facts in events_of_run():
        reporter.write(name, **facts)
    reporter.close()
    assert display.events == [event["event"] for event in read_events(begun.events)]
    assert display.closed
    report = json.loads(begun.report_json.read_text())
    assert report["finished"] and report["wall_seconds"] == 123.4
    assert begun.report_html.read_text().startswith("<!doctype html>")


def test_report_json_is_there_after_each_round(begun, events_of_run):
    reporter = open_reporter(begun, displays=[])
    seen = []
    for name, facts in events_of_run():
        reporter.write(name, **facts)
        if name == "round_finished":
            seen.append(len(json.loads(begun.report_json.read_text())["rounds"]))
    reporter.close()
    assert seen == [1, 2, 3]


def test_a_display_that_fails_is_dropped_and_the_run_goes_on(begun, capsys):
    broken, healthy = Broken(), Recorder()
    reporter = open_reporter(begun, displays=[broken, healthy])
    reporter.write("warning", message="a")
    reporter.write("warning", message="b")
    reporter.close()
    assert healthy.events == ["warning", "warning"]
    assert (
        capsys.readouterr().err.count("Broken failed and is off: ConnectionError: the tracker is down") == 1
    )
    assert len(read_events(begun.events)) == 2


def test_a_page_that_cannot_be_drawn_does_not_fail_the_run(begun, capsys):
    begun.config.write_text("[")
    reporter = open_reporter(begun, displays=[])
    reporter.write("warning", message="a")
    reporter.close()
    assert "report.html was not written" in capsys.readouterr().err
    assert begun.report_json.exists()


def test_the_terminal_of_a_resumed_run_knows_the_rounds_before(finished_run, capsys):
    reporter = open_reporter(finished_run)
    reporter.write("run_finished", best_round=2)
    reporter.close()
    assert "final success 0.85 [0.64, 0.95] of 20" in capsys.readouterr().err
