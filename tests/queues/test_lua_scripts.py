from __future__ import annotations

import re
from importlib import resources

from potstill.queues import redis_keys
from potstill.queues.lua_scripts import script_command, script_sources
from potstill.queues.redis_connection import connect


def test_every_script_names_the_keys_it_is_given_and_says_what_it_does():
    for script in (resources.files("potstill.queues") / "lua").iterdir():
        header = script.read_text("utf-8").split("\n\n")[0]
        assert header.startswith("-- "), script.name
        assert "ARGV" in header or "KEYS" in header or "Returns" in header, script.name


def test_every_key_a_script_builds_is_documented():
    documented = set(re.findall(r"``(?:rpc:SERVICE:)?([a-z_]+)", redis_keys.__doc__))
    for source in script_sources():
        built = set(re.findall(r"base \.\. '([a-z_]+)", source))
        assert built <= documented, built - documented


def test_scripts_are_loaded_anew_when_the_server_has_forgotten_them(redis_url, run_name):
    connection = connect(redis_url)
    connection.exchange(("SCRIPT FLUSH",))
    base = redis_keys.RedisKeys(run_name).base
    before, reaped, after = connection.exchange(
        ("ECHO", "1"), script_command("task_reap", base), ("ECHO", "2")
    )
    assert (before, reaped, after) == (b"1", 0, b"2")


def test_only_the_servers_clock_is_read():
    for source in script_sources():
        assert "os.time" not in source
        assert "os.clock" not in source
