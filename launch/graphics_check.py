"""Whether anything can be drawn here, found out before a process starts."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from potstill.launch.errors import BadInputError

#: What the render workers load.
LIBRARY = "libEGL.so.1"


def check_graphics(load: Callable[[str], object] = ctypes.CDLL) -> None:
    """Load the OpenGL library that the render workers will need.

    Raises:
        BadInputError: it is missing; carries the line that installs it.
    """
    try:
        load(LIBRARY)
    except OSError:
        raise BadInputError(
            f"no GL library: {LIBRARY} cannot be loaded; on Debian or Ubuntu: "
            "apt-get install -y libegl1 libgl1 libosmesa6"
        ) from None
