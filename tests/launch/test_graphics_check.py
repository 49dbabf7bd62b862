from __future__ import annotations

import pytest

from potstill.launch.errors import BadInputError
from potstill.launch.graphics_check import LIBRARY, check_graphics


def test_a_machine_that_can_draw_passes() -> None:
    check_graphics()


def test_a_missing_library_is_one_line_with_the_command_that_installs_it() -> None:
    def load(name: str) -> object:
        assert name == LIBRARY
        raise OSError("cannot open shared object file")

    with pytest.raises(BadInputError) as raised:
        check_graphics(load)

    assert "apt-get install -y libegl1" in str(raised.value)
    assert "\n" not in str(raised.value)
