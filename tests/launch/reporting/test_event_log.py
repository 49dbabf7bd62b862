from __future__ import annotations

import json
import os
import threading

import numpy as np
import pytest

from potstill.launch.errors import BadInputError
from potstill.launch.reporting.event_log import EventLog, read_events


def test_what_is_written_is_read_back_with_its_time(tmp_path):
    log = EventLog(tmp_path / "deep" / "events.jsonl", clock=lambda: 5.0)
    returned = log.write("round_started", round=1, phase="on_policy")
    log.close()
    assert read_events(tmp_path / "deep" / "events.jsonl") == [returned]
    assert returned == {"event": "round_started", "time": 5.0, "round": 1, "phase": "on_policy"}


def test_a_reader_sees_each_event_at_once(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    for count in range(1, 4):
        log.write("tick")
        assert len(read_events(tmp_path / "events.jsonl")) == count
    log.close()


def test_numpy_and_numbers_that_json_lacks_are_written_plainly(tmp_path):
    log = EventLog(tmp_path / "events.jsonl", clock=lambda: 0.0)
    facts = log.write(
        "x", a=np.float32(0.5), b=np.arange(2), c=float("nan"), d={"e": float("inf")}, f=tmp_path
    )
    log.close()
    assert facts == {
        "event": "x",
        "time": 0.0,
        "a": 0.5,
        "b": [0, 1],
        "c": None,
        "d": {"e": None},
        "f": str(tmp_path),
    }
    assert "NaN" not in (tmp_path / "events.jsonl").read_text()


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_left_out_and_cut_off_by_the_next_writer(tmp_path, cut):
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.write("first", number=1)
    log.write("second", number=2)
    log.close()
    os.truncate(path, path.stat().st_size - cut)
    assert [event["event"] for event in read_events(path)] == ["first"]
    log = EventLog(path)
    log.write("third")
    log.close()
    assert [event["event"] for event in read_events(path)] == ["first", "third"]


@pytest.mark.parametrize("line", [b"not json", b"[1]", b'{"no": "event"}', b"\xff", b""])
def test_damage_within_the_file_is_refused_with_its_line(tmp_path, line):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"event": "a", "time": 1}\n' + line + b'\n{"event": "b", "time": 2}\n')
    with pytest.raises(BadInputError, match="line 2 is not an event"):
        read_events(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInputError, match=r"events\.jsonl"):
        read_events(tmp_path / "events.jsonl")


def test_writers_in_threads_never_mix_their_lines(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")

    def write(name):
        for number in range(200):
            log.write(name, number=number, padding="x" * 500)

    threads = [threading.Thread(target=write, args=(f"writer-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 800
