from __future__ import annotations

import numpy as np

from potstill.launch.installed_versions import installed_versions


def test_what_is_not_installed_has_an_empty_version() -> None:
    assert installed_versions(["numpy", "surely-not-there"]) == {
        "numpy": np.__version__,
        "surely-not-there": "",
    }
