from __future__ import annotations

from potstill.launch.reporting.counted import counted


def test_one_thing_is_one_and_all_other_numbers_are_many():
    assert [counted(number, "robot") for number in (0, 1, 2, 1000)] == [
        "0 robots",
        "1 robot",
        "2 robots",
        "1,000 robots",
    ]
