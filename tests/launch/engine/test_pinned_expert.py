from __future__ import annotations

from pathlib import Path

import pytest

from potstill.actors.teacher_source import TeacherSource
from potstill.launch.engine.pinned_expert import ORACLE, is_pinned, source_of


@pytest.mark.parametrize(
    ("spec", "pinned"),
    [
        (f"teachers/{'a1' * 32}", True),
        (f"teachers/{'A1' * 32}", False),
        (f"teachers/{'a1' * 31}", False),
        (f"teachers/{'a1' * 32}/..", False),
        (f"../teachers/{'a1' * 32}", False),
        (f"teachers/{'a1' * 32}\n", False),
        (ORACLE, False),
        ("", False),
    ],
)
def test_only_a_hash_in_the_run_directory_is_pinned(spec, pinned):
    assert is_pinned(spec) is pinned


def test_a_worker_is_told_folder_and_hash_and_of_the_oracle_nothing():
    sha256 = "a1" * 32
    source = source_of(f"teachers/{sha256}", Path("/run"))
    assert source == TeacherSource(folder=f"/run/teachers/{sha256}", sha256=sha256)
    assert source_of(ORACLE, Path("/run")) == TeacherSource()
