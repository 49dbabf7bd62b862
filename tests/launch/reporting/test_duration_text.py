from __future__ import annotations

import pytest

from potstill.launch.reporting.duration_text import duration_text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (61, "1:01"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_a_duration_reads_as_a_clock_shows_it(seconds, text):
    assert duration_text(seconds) == text
