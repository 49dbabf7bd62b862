from __future__ import annotations

import io

import pytest

from potstill.launch.reporting.line_display import LINE_SECONDS, Line, LineDisplay


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def describe(event):
    return None if event.get("silent") else Line(text=event["text"], milestone=event.get("milestone", True))


@pytest.fixture
def plain():
    """(display, clock, stream): without a terminal."""
    clock, stream = Clock(), io.StringIO()
    return LineDisplay(describe, stream=stream, clock=clock), clock, stream


def test_milestones_are_printed_at_once_with_the_time_since_the_start(plain):
    display, clock, stream = plain
    display.show({"text": "one"})
    clock.now = 65.0
    display.show({"text": "two"})
    assert stream.getvalue() == "[0:00] one\n[1:05] two\n"


def test_progress_is_printed_every_few_seconds_only(plain):
    display, clock, stream = plain
    for tick in range(2 * int(LINE_SECONDS) + 1):
        clock.now = float(tick)
        display.show({"text": f"step {tick}", "milestone": False})
    texts = [line.split("] ")[1] for line in stream.getvalue().splitlines()]
    assert texts == ["step 0", f"step {LINE_SECONDS:.0f}", f"step {2 * LINE_SECONDS:.0f}"]


def test_what_says_nothing_to_people_is_not_shown(plain):
    display, _, stream = plain
    display.show({"silent": True})
    display.close()
    assert stream.getvalue() == ""


def test_a_long_line_and_markup_are_left_as_they_are(plain):
    display, _, stream = plain
    text = "[bold]" + "x" * 300
    display.show({"text": text})
    assert stream.getvalue() == f"[0:00] {text}\n"


def test_a_terminal_keeps_milestones_and_redraws_progress(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    display = LineDisplay(describe, stream=stream, clock=Clock())
    display.show({"text": "half way", "milestone": False})
    display.show({"text": "[red] done"})
    display.close()
    display.close()
    assert "[0:00] [red] done\n" in stream.getvalue()
    # The last picture is drawn once more when the display ends.
    assert "[0:00] half way" in stream.getvalue()
