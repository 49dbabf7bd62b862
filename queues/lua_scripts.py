"""The Lua scripts of ``queues/lua``: every change of state on the server is one of them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any

#: A Redis command as words, e.g. ``("HGET", key, field)``.
Command = tuple[Any, ...]


def script_command(name: str, base: str, *args: Any) -> Command:
    """The command that runs ``queues/lua/NAME.lua`` on the keys that begin with ``base``."""
    return ("EVALSHA", _digest(name), 1, base, *args)


def script_sources() -> list[str]:
    """What a server that knows none of the scripts must load."""
    folder = resources.files("potstill.queues") / "lua"
    names = (entry.name.removesuffix(".lua") for entry in folder.iterdir() if entry.name.endswith(".lua"))
    return [_source(name) for name in sorted(names) if name != "task_state"]


@cache
def _source(name: str) -> str:
    folder = resources.files("potstill.queues") / "lua"
    body = (folder / f"{name}.lua").read_text("utf-8")
    if not name.startswith("task_"):
        return body
    prelude = (folder / "task_state.lua").read_text("utf-8")
    # What a script has noted is written when it is through, whichever way it returns.
    return f"{prelude}\nlocal function run()\n{body}\nend\nlocal answer = run()\nflush()\nreturn answer\n"


@cache
def _digest(name: str) -> str:
    return hashlib.sha1(_source(name).encode()).hexdigest()
